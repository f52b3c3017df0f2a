import re

import botocore.session
import pytest
from botocore.exceptions import ClientError

from culm.cluster import operations
from culm.cluster.wire.models import Service
from culm.cluster.wire.operations import OPERATIONS
from culm.cluster.wire.paging import Pager, pager
from culm.core.model.record import record


@record
class NoInput:
    pass


@record
class Clusters:
    cluster_arns: tuple[str, ...]


@pytest.fixture
def pages() -> Pager:
    found = pager(Service("ecs", ["ListClusters"]).operations["ListClusters"], NoInput, "InvalidParameterException")
    assert found
    return found


def test_a_record_is_cut_like_a_mapping(pages):
    whole = Clusters(cluster_arns=("a", "b", "c"))

    first = pages.cut(whole, pages.window({"maxResults": 2}))
    rest = pages.cut(whole, pages.window({"maxResults": 2, "nextToken": first["next_token"]}))

    assert first["cluster_arns"] == ("a", "b")
    assert rest == {"cluster_arns": ("c",)}


def test_what_fits_a_page_is_not_touched(pages):
    whole = Clusters(cluster_arns=("a",))

    assert pages.cut(whole, pages.window({})) is whole


@pytest.mark.parametrize("service", ["ecs", "logs"])
def test_a_page_without_a_limit_has_as_many_items_as_the_model_s_documentation_says(service):
    operations.load()
    model = botocore.session.get_session().get_service_model(service)
    served = [name for owner, name in OPERATIONS if owner == service]
    ours = Service(service, served)
    checked = 0
    for operation in served:
        shape = model.operation_model(operation).input_shape
        limit = shape and (shape.members.get("maxResults") or shape.members.get("limit"))
        documented = re.search(
            r"up to (\d+) (?:results|items)", re.sub("<[^>]+>", "", limit.documentation if limit else "")
        )
        cut = pager(ours.operations[operation], NoInput, "InvalidParameterException")
        if documented is not None and cut is not None:
            assert cut.window({}) == (0, int(documented[1])), operation
            checked += 1
    assert checked > 1


def test_a_page_ends_where_it_is_full_and_says_only_then_that_there_is_more(pages):
    whole = Clusters(cluster_arns=("a", "b"))
    assert pages.cut(whole, pages.window({"maxResults": 2})) is whole
    assert "next_token" in pages.cut(whole, pages.window({"maxResults": 1}))


def test_an_operation_whose_record_takes_the_token_pages_itself():
    @record
    class OwnPages:
        next_token: str | None = None

    model = Service("ecs", ["ListClusters"]).operations["ListClusters"]
    assert pager(model, OwnPages, "InvalidParameterException") is None


def test_a_token_that_was_not_given_out_is_refused(cloud):
    ecs = cloud.client("ecs")
    for number in range(3):
        ecs.create_cluster(clusterName=f"c{number}")
    token = ecs.list_clusters(maxResults=1)["nextToken"]

    for wrong in ("?", "bm9uc2Vuc2U=", token[:-4]):
        with pytest.raises(ClientError, match=r"InvalidParameterException.*pagination token"):
            ecs.list_clusters(nextToken=wrong)
    with pytest.raises(ClientError, match=r"InvalidParameterException.*not one that ListTasks gave out"):
        ecs.list_tasks(cluster="c0", nextToken=token)


def test_boto3_s_paginators_see_everything_once(cloud):
    ecs = cloud.client("ecs")
    for number in range(25):
        ecs.create_cluster(clusterName=f"c{number:02}")

    pages = ecs.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 10})
    arns = [page["clusterArns"] for page in pages]

    assert [len(page) for page in arns] == [10, 10, 5]
    assert len({arn for page in arns for arn in page}) == 25
