import pytest

from culm.cluster.wire.models import Service
from culm.cluster.wire.protocols import PROTOCOLS
from culm.cluster.wire.services import SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_what_tells_services_apart_is_what_their_models_say(name):
    model = Service(name, [])
    served = SERVICES[name]

    assert served.signing_name == model.metadata.get("signingName", model.metadata["endpointPrefix"]).split(".")[-1]
    assert served.target == model.metadata.get("targetPrefix", "")
    forms = {"query", "ec2"}.intersection(model.protocols)
    assert served.version == (model.metadata["apiVersion"] if forms else "")


@pytest.mark.parametrize("name", SERVICES)
def test_every_protocol_that_clients_may_speak_is_served(name):
    assert set(Service(name, []).protocols) <= PROTOCOLS.keys()
