"""What a change of the stack says before it is agreed to."""

from culm.aws.stack import Change
from culm.cli.agreement import fleets_that_go


def test_a_kind_of_instances_that_a_change_takes_away_is_said_to_go_at_once() -> None:
    group = "AWS::AutoScaling::AutoScalingGroup"
    changed = [
        Change(action="Modify", name="Instances1", kind=group),
        Change(action="Add", name="Instances", kind=group),
    ]
    assert fleets_that_go(changed) == []
    gone = Change(action="Remove", name="Instances2", kind=group)
    [line] = fleets_that_go([*changed, gone])
    assert line.startswith("all instances of Instances2 go at once: they are drained, then terminated")
