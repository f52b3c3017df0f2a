import pytest

from culm.wire.models import Service
from culm.wire.services import SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_what_tells_services_apart_is_what_their_models_say(name):
    model = Service(name, [])
    served = SERVICES[name]

    assert served.signing_name == model.metadata.get("signingName", model.metadata["endpointPrefix"]).split(".")[-1]
    assert served.target == model.metadata.get("targetPrefix", "")
    assert served.version == (model.metadata["apiVersion"] if model.protocol in ("query", "ec2") else "")


@pytest.mark.parametrize("name", SERVICES)
def test_clients_still_speak_the_protocol_that_is_served(name):
    """Models may list several; the one that today's SDKs take first must be among ours."""
    model = Service(name, [])

    assert model.metadata["protocols"][0] == model.protocol
