"""What a stack costs in a month, before it is made. Pure."""

from culm.plan.bill import Bill, PriceList, assumptions, bill, of_base, of_servers, of_sleep
from culm.project.project import Project, TargetSettings


def cost(project: Project, settings: TargetSettings, prices: PriceList) -> Bill:
    """Return the planner's bill of the fleet and what the stack has besides: key, messages, databases."""
    fleet = [group.instance_type for group in settings.instances for _ in range(group.count)]
    base = bill(fleet, prices, assumptions(settings)) + of_base(settings, prices)
    return base + of_servers(project, prices, project.databases) + of_sleep(project, settings, prices, fleet)


def dollars(amount: float) -> str:
    """Return `$16.94`, or `-$3.20` of what sleep takes off."""
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


def screen(month: Bill, settings: TargetSettings, prices: PriceList) -> str:
    """Return the bill as lines of text: each item with its units, the sum, and what was assumed."""
    width = max(len(line.name) for line in month.lines)
    lines = [
        f"  {line.name:<{width}}  {dollars(line.dollars):>8}  {line.amount}"
        for line in month.lines
        if abs(line.dollars) >= 0.005
    ]
    lines.append(f"  {'a month':<{width}}  {f'${month.dollars:,.2f}':>8}")
    lines.append(f"prices of {prices.region}, {prices.date}; assumed: {assumptions(settings)}")
    if settings.spot:
        lines.append("spot instances cost less than is shown, usually a third of it")
    if month.unpriced:
        lines.append(f"without {', '.join(month.unpriced)}: the price list lacks it")
    return "\n".join(lines)
