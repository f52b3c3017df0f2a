"""Machines that are not there yet."""

from tests.builders import a_state

from culm.plan.machines import with_fleet


def test_on_amazon_new_instances_keep_memory_from_tasks_as_the_base_stacks_do() -> None:
    empty = a_state(instances=())
    local = with_fleet(empty, ["t2.micro"], region="us-east-1")
    amazon = with_fleet(empty, ["t2.micro"], region="us-east-1", reserved=True)
    assert [i.memory for i in (*local.instances, *amazon.instances)] == [995, 867]
