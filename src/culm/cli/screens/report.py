"""A plan as JSON: the words of the AWS API in snake case, instances by their ids, dollars a month."""

from typing import Any

from culm.plan.bill import Bill
from culm.plan.calls import Call
from culm.plan.plan import Plan
from culm.plan.steps import Step, undoing, what
from culm.plan.waves import Wave


def report(plan: Plan) -> dict[str, Any]:
    labels = {host.arn: host.label for host in plan.hosts}
    return {
        "project": plan.project,
        "target": plan.target,
        "fits": plan.fits,
        "services": [
            {
                "name": service.name,
                "how": service.how,
                "changes": service.changes,
                "differences": [{"field": d.field, "old": d.old, "new": d.new} for d in service.differences],
                "rule": service.rule,
                "rescales": service.rescales,
                "migration": service.migration,
                "lends_its_slot": service.lends,
                "schema_change": service.effect,
                "goes_back_when_it_fails": service.goes_back,
                "percents": list(service.percents) if service.percents else None,
                "count": {"now": service.count[0], "wanted": service.count[1]},
                "instances": [labels[arn] for arn in service.places],
                "down": service.down,
            }
            for service in plan.services
        ],
        "instances": [
            {
                "id": host.label,
                "type": host.instance_type,
                "registered_memory": host.memory,
                "remaining_memory": {"now": host.free_now, "then": host.free},
                "slots": host.slots,
                "tasks": [{"name": s.name, "memory": s.memory, "new": s.new} for s in host.sitters],
            }
            for host in plan.hosts
        ],
        "slot": {"memory": plan.slot[0], "cpu": plan.slot[1]},
        "waves": [_wave(wave, labels) for wave in plan.moves.waves],
        "steps": [_step(step) for step in plan.steps],
        "jobs": list(plan.jobs),
        "leftovers": list(plan.leftovers),
        "obstacles": [
            {
                "service": obstacle.name,
                "step": obstacle.step,
                "memory": obstacle.need.memory,
                "cpu": obstacle.need.cpu,
                "reasons": {labels[arn]: why for arn, why in obstacle.reasons.items()},
                "message": obstacle.message,
            }
            for obstacle in plan.moves.obstacles
        ],
        "remedies": [
            {"what": r.what, "write": r.write, "dollars": round(r.dollars, 2), "but": r.but} for r in plan.remedies
        ],
        "price": bill_report(plan.bill)
        | {
            "now": round(plan.bill_now.dollars, 2) if plan.bill_now else None,
            "region": plan.prices.region,
            "date": plan.prices.date,
            "assumed": str(plan.assumed),
        },
        "notes": list(plan.notes),
    }


def _step(step: Step) -> dict[str, Any]:
    call = step.act if isinstance(step.act, Call) else None
    return {
        "key": step.key,
        "lane": step.lane,
        "what": what(step),
        "call": f"{call.client}:{call.operation}" if call else None,
        "why": step.why,
        "after": list(step.after),
        "needs": list(step.needs),
        "undo": undoing(step.undo) if step.undo else None,
    }


def bill_report(bill: Bill) -> dict[str, Any]:
    return {
        "dollars": round(bill.dollars, 2),
        "lines": [
            {"name": line.name, "units": line.units, "unit": line.unit, "dollars": round(line.dollars, 2)}
            for line in bill.lines
        ],
        "unpriced": list(bill.unpriced),
    }


def _wave(wave: Wave, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "services": [part.name for part in wave.parts],
        "steps": [
            {
                "verb": moment.move.verb,
                "group": moment.move.group,
                "task_definition": moment.move.task_definition_arn.rpartition("/")[2],
                "instance": labels.get(moment.move.container_instance_arn),
                "why": moment.move.why,
                "remaining_memory": {labels.get(arn, arn): free for arn, free in moment.free.items()},
            }
            for moment in wave.moments
        ],
    }
