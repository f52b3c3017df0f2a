"""The base stack of an aws target, by its template: what `culm aws bootstrap` and the next `up` would change."""

from culm.aws import look, stack
from culm.aws.difference import shown
from culm.aws.template import stack_name
from culm.operate.drift.rows import Row, missing
from culm.project.project import Project
from culm.target.connection import Target


def compare_stack(target: Target, project: Project) -> list[Row]:
    """Return how the stack differs.

    CloudFormation's own search for what hands have changed takes a minute; that is `culm aws diff`.
    """
    name = stack_name(project)
    if stack.find(target, name) is None:
        return [missing(f"stack {name}")]
    return [
        Row(
            what=f"stack: {each.resource}",
            field=each.field,
            wanted=None if each.wanted is None else shown(each.wanted),
            live=None if each.live is None else shown(each.live),
            wins="culm.yml" if each.wins == "culm.yml" else "live",
        )
        for each in look.differences(target, project)
    ]
