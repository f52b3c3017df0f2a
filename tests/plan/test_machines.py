"""Machines that are not there yet."""

from tests.builders import a_state, an_instance

from culm.plan.machines import with_fleet


def test_on_amazon_new_instances_keep_memory_from_tasks_as_the_base_stacks_do() -> None:
    empty = a_state(instances=())
    local = with_fleet(empty, ["t2.micro"], region="us-east-1")
    amazon = with_fleet(empty, ["t2.micro"], region="us-east-1", reserved=True)
    assert [i.memory for i in (*local.instances, *amazon.instances)] == [995, 867]


def test_of_too_many_instances_those_go_that_drain_already() -> None:
    kind = {"ecs.instance-type": "t2.micro"}
    leaving = an_instance("i-1", attributes=kind, status="DRAINING")
    fewer = with_fleet(
        a_state(instances=(leaving, an_instance("i-2", attributes=kind))), ["t2.micro"], region="us-east-1"
    )
    assert [(i.ec2_instance_id, i.status) for i in fewer.instances] == [("i-2", "ACTIVE")]
