import pytest
from botocore.exceptions import ClientError

from culm.cluster.wire.models import Service
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
