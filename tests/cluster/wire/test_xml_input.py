from xml.etree import ElementTree

from culm.cluster.wire.models import Service
from culm.cluster.wire.xml_input import compile_xml


def test_attributes_are_members_too_if_they_are_there():
    read = compile_xml(Service("s3").shape("Grantee"))
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

    typed = ElementTree.fromstring(f'<Grantee {xsi} xsi:type="Group"><URI>u</URI></Grantee>')
    assert read(typed) == {"Type": "Group", "URI": "u"}
    assert read(ElementTree.fromstring("<Grantee><URI>u</URI></Grantee>")) == {"URI": "u"}


def test_what_is_not_in_the_model_keeps_its_name_to_be_refused():
    read = compile_xml(Service("s3").shape("VersioningConfiguration"))

    assert read(ElementTree.fromstring("<V><Status>Enabled</Status><Colour>red</Colour></V>")) == {
        "Status": "Enabled",
        "Colour": "red",
    }
