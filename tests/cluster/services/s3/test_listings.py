import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from culm.cluster.services.s3.listings import behind, fold
from culm.cluster.store.s3.objects import Facts, ObjectVersion

KEYS = ("a.txt", "b/1", "b/2", "b/deep/3", "c d+e", "ü")


@pytest.fixture
def s3(s3):
    for key in KEYS:
        s3.put_object(Bucket="vault", Key=key, Body=key.encode())
    return s3


def keys(page):
    return [each["Key"] for each in page.get("Contents", [])]


def prefixes(page):
    return [each["Prefix"] for each in page.get("CommonPrefixes", [])]


def test_keys_are_listed_in_the_order_of_their_bytes(s3):
    page = s3.list_objects_v2(Bucket="vault")

    assert keys(page) == list(KEYS)
    assert (page["KeyCount"], page["IsTruncated"]) == (6, False)
    assert page["Contents"][0]["Size"] == 5


def test_keys_alike_up_to_the_delimiter_count_as_one(s3):
    page = s3.list_objects_v2(Bucket="vault", Delimiter="/")
    assert (keys(page), prefixes(page)) == (["a.txt", "c d+e", "ü"], ["b/"])

    page = s3.list_objects_v2(Bucket="vault", Delimiter="/", Prefix="b/")
    assert (keys(page), prefixes(page)) == (["b/1", "b/2"], ["b/deep/"])


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_together_are_the_whole(s3, operation, delimiter):
    pages = s3.get_paginator(operation).paginate(Bucket="vault", Delimiter=delimiter, PaginationConfig={"PageSize": 1})
    found = [(keys(page), prefixes(page)) for page in pages]

    assert [key for keys, _ in found for key in keys] == [key for key in KEYS if not delimiter or "/" not in key]
    assert [prefix for _, prefixes in found for prefix in prefixes] == (["b/"] if delimiter else [])


def test_a_listing_may_start_behind_a_key(s3):
    assert keys(s3.list_objects_v2(Bucket="vault", StartAfter="b/2")) == ["b/deep/3", "c d+e", "ü"]
    assert keys(s3.list_objects(Bucket="vault", Marker="b/2")) == ["b/deep/3", "c d+e", "ü"]
    assert "Owner" in s3.list_objects_v2(Bucket="vault", FetchOwner=True)["Contents"][0]


def test_a_page_of_nothing_is_not_cut_off(s3):
    page = s3.list_objects_v2(Bucket="vault", MaxKeys=0)

    assert (page["KeyCount"], page["IsTruncated"]) == (0, False)


def test_what_cannot_be_is_refused(s3):
    with pytest.raises(ClientError, match=r"InvalidArgument.*continuation token"):
        s3.list_objects_v2(Bucket="vault", ContinuationToken="?")
    with pytest.raises(ClientError, match=r"InvalidArgument.*maxKeys"):
        s3.list_objects_v2(Bucket="vault", MaxKeys=-1)
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="other")


@given(
    st.sets(st.text("ab/é", min_size=1, max_size=6), max_size=20),
    st.sampled_from(["", "a", "a/"]),
    st.sampled_from([None, "/", "b/"]),
    st.integers(1, 4),
)
def test_folding_in_pages_is_folding_the_whole(names, prefix, delimiter, limit):
    ordered = sorted(names, key=str.encode)

    def fetch(place, many):
        return [
            ObjectVersion(bucket="b", key=key, version_id="null", facts=Facts(last_modified=0))
            for key in ordered
            if key.startswith(prefix) and key.encode() > place[0].encode()
        ][:many]

    found, folded, place = [], [], ("", 0)
    while place is not None:
        page = fold(fetch, prefix, delimiter, place, limit)
        assert len(page.versions) + len(page.prefixes) <= limit
        found += [version.key for version in page.versions]
        folded += page.prefixes
        place = page.next

    rest = {key: key[len(prefix) :] for key in ordered if key.startswith(prefix)}
    whole = [key for key, tail in rest.items() if delimiter is None or delimiter not in tail]
    assert found == whole
    expected = {
        prefix + tail.split(delimiter)[0] + delimiter for tail in rest.values() if delimiter and delimiter in tail
    }
    assert sorted(folded) == sorted(expected)


def test_a_marker_that_is_a_prefix_stands_for_all_of_its_keys():
    assert behind("b/", "", "/") > "b/zzz"
    assert behind("b/", "b/", "/") == "b/"
    assert behind("b", "", "/") == "b"
