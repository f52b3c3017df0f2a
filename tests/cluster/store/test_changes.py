"""Who is woken by what."""

from culm.cluster.store.changes import Signal


def test_an_operation_wakes_those_whom_its_service_concerns_and_a_fact_wakes_all():
    signal = Signal()
    everything, databases = signal.subscribe(), signal.subscribe("rds", "ec2")

    signal.set("ecs")
    assert (everything.is_set(), databases.is_set()) == (True, False)
    signal.set("rds")
    assert databases.is_set()

    everything.clear()
    databases.clear()
    signal.set()
    assert (everything.is_set(), databases.is_set()) == (True, True)
