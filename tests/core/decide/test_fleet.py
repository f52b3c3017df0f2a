from culm.core.decide.fleet import FleetChange, Machine, fleet_change
from culm.core.model.instance_types import parse_fleet


def machine(
    id: str, instance_type: str = "t2.micro", *, registered: bool = True, tasks: int = 0, draining: bool = False
):
    return Machine(
        ec2_instance_id=id, instance_type=instance_type, registered=registered, tasks=tasks, draining=draining
    )


def test_an_empty_fleet_starts_every_wanted_instance():
    assert fleet_change(parse_fleet("2 x t2.micro"), []) == FleetChange(add=("t2.micro", "t2.micro"))


def test_a_fleet_that_is_as_wanted_does_not_change():
    assert fleet_change(parse_fleet("2 x t2.micro"), [machine("a"), machine("b", tasks=3)]) == FleetChange()


def test_the_emptiest_machine_goes_and_a_busy_one_is_drained_first():
    there = [machine("a", tasks=1), machine("b", tasks=2), machine("c")]
    assert fleet_change(parse_fleet("1 x t2.micro"), there) == FleetChange(drain=("a",), remove=("c",))


def test_a_drained_machine_is_removed_when_its_tasks_have_gone():
    assert fleet_change((), [machine("a", tasks=1, draining=True)]) == FleetChange()
    assert fleet_change((), [machine("a", draining=True)]) == FleetChange(remove=("a",))


def test_a_machine_deregistered_by_hand_stays_away():
    there = [machine("a", registered=False), machine("b")]
    assert fleet_change(parse_fleet("2 x t2.micro"), there) == FleetChange()
    assert fleet_change((), there) == FleetChange(remove=("a", "b"))


def test_another_type_takes_the_place_of_the_first():
    there = [machine("a", tasks=1)]
    assert fleet_change(parse_fleet("1 x t3.small"), there) == FleetChange(add=("t3.small",), drain=("a",))
