import pytest

from culm.cluster.wire.form import decoder, explode, fields
from culm.cluster.wire.http import Request
from culm.cluster.wire.models import Service


@pytest.fixture(scope="module")
def elbv2():
    return Service("elbv2")


def test_names_are_exploded_at_their_dots():
    assert explode({"A.member.1.B": "x", "A.member.2": "y"}) == {
        "A": {"member": {"1": {"B": {"": "x"}}, "2": {"": "y"}}}
    }


def test_only_forms_are_read_from_a_body():
    request = Request(method="POST", path="/", query="a=1", headers={"content-type": "text/plain"}, body=b"b=2")

    assert fields(request) == {"a": "1"}


def test_lists_come_with_or_without_member_and_in_the_order_of_their_numbers(elbv2):
    decode = decoder(elbv2.operations["DescribeLoadBalancers"])

    assert decode({"Names.member.10": "c", "Names.member.2": "b", "Names.member.1": "a"}) == {"Names": ["a", "b", "c"]}
    assert decode({"Names.1": "a"}) == {"Names": ["a"]}
    assert decode({"Names": ""}) == {"Names": []}


def test_what_is_not_in_the_model_keeps_its_name_to_be_refused(elbv2):
    decode = decoder(elbv2.operations["DescribeLoadBalancers"])

    assert decode({"Colour": "red", "X-Amz-Signature": "0"}) == {"Colour": {"": "red"}}


def test_a_scalar_that_has_members_stays_as_it_came_to_be_refused(elbv2):
    decode = decoder(elbv2.operations["DescribeLoadBalancers"])

    assert decode({"PageSize.member.1": "2", "Marker": "x"}) == {
        "PageSize": {"member": {"1": {"": "2"}}},
        "Marker": "x",
    }
    assert decode({"PageSize": "many"}) == {"PageSize": "many"}


def test_a_structure_has_no_value_of_its_own(elbv2):
    decode = decoder(elbv2.operations["CreateListener"])

    assert decode({"MutualAuthentication": "on", "MutualAuthentication.Mode": "off"}) == {
        "MutualAuthentication": {"Mode": "off"}
    }


def test_fields_come_from_query_and_body_and_empty_ones_are_there():
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    both = Request(method="POST", path="/", query="Action=A&Empty=", headers=form, body=b"Action=B&None=&Name=a%20b")
    assert fields(both) == {"Action": "B", "Empty": "", "None": "", "Name": "a b"}
    json = Request(method="POST", path="/", query="", headers={"content-type": "application/json"}, body=b"Action=B")
    assert fields(json) == {}
