"""One deploy at a time: the lock is an object, and both S3s, moto's and ours, give it to one alone."""

import dataclasses
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError
from tests.amazon.amazon import Amazon
from tests.amazon.conftest import Shop
from tests.scenarios.stand import eventually
from tests.serving import served

from culm.deploy import lock
from culm.deploy.lock import KEY, Held, Lock, Lost, holder, locked, unlock
from culm.errors import CulmError
from culm.project.project import Project
from culm.target.connection import StaticCredentials, Target
from culm.vault.files import Vault


@pytest.fixture(params=["moto", "local"])
def target(request: pytest.FixtureRequest, shop: Shop, account: Amazon, tmp_path: Path) -> Iterator[Target]:
    settings = shop.project.targets["stg"]
    keys = StaticCredentials(access_key="AKIAEXAMPLE", secret_key="secret")
    if request.param == "moto":
        yield Target(settings, account.url, keys)
        return
    (tmp_path / "served").mkdir()
    with served(tmp_path / "served") as endpoint:
        yield Target(settings, endpoint, keys)


@pytest.fixture
def project(shop: Shop) -> Project:
    return shop.project


def bucket(target: Target) -> str:
    return f"culm-bamboo-{target.account}-us-east-1"


def versions(target: Target) -> int:
    answer = target.client("s3").list_object_versions(Bucket=bucket(target), Prefix=KEY)
    return len(answer.get("Versions", ())) + len(answer.get("DeleteMarkers", ()))


def etag(target: Target) -> str:
    return str(target.client("s3").head_object(Bucket=bucket(target), Key=KEY)["ETag"])


def left_by_somebody(target: Target, project: Project, **changed: object) -> None:
    """A lock of a deploy that has not ended."""
    made = Lock(target, project, "culm up")
    made.acquire()
    made._done.set()
    s3 = target.client("s3")
    body = json.loads(s3.get_object(Bucket=bucket(target), Key=KEY)["Body"].read())
    s3.put_object(Bucket=bucket(target), Key=KEY, Body=json.dumps(body | changed).encode())


def test_of_many_that_ask_at_once_one_gets_it(target: Target, project: Project) -> None:
    Lock(target, project, "culm up")._vault.prepare("us-east-1")
    locks = [Lock(target, project, f"culm up {n}") for n in range(8)]

    def ask(one: Lock) -> bool:
        try:
            one.acquire()
        except Held:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(ask, locks))
    assert got.count(True) == 1
    winner = locks[got.index(True)]
    found = holder(target.client("s3"), bucket(target))
    assert found is not None
    assert found.does == winner.does
    for one in locks:
        one.release()
    assert holder(target.client("s3"), bucket(target)) is None
    assert versions(target) == 0, "it leaves nothing behind"


def test_who_comes_second_is_told_who_holds_it_and_since_when(target: Target, project: Project) -> None:
    with locked(target, project) as first:
        first.acquire()
        with pytest.raises(Held) as refusal, locked(target, project) as second:
            second.acquire()
        assert lock.me() in refusal.value.what
        assert "since " in refusal.value.what
        assert "culm unlock --target stg" in refusal.value.hint
    with locked(target, project) as again:
        again.acquire()


def test_where_nothing_is_written_there_is_no_lock(target: Target, project: Project) -> None:
    Lock(target, project, "culm up")._vault.prepare("us-east-1")
    with locked(target, project):
        target.client("ecs").list_clusters()
        assert holder(target.client("s3"), bucket(target)) is None
        target.client("logs").create_log_group(logGroupName="/x")
        assert holder(target.client("s3"), bucket(target)) is not None
    assert holder(target.client("s3"), bucket(target)) is None


def test_a_dead_holders_lock_is_taken_over_and_does_not_come_up_again(target: Target, project: Project) -> None:
    left_by_somebody(target, project, by="bob@other", pid=1 << 30)
    said: list[str] = []
    with locked(target, project, said.append) as mine:
        mine.acquire()
    assert said[-1].startswith("taking the lock over from bob@other, who began ")
    assert versions(target) == 0


def test_a_process_of_another_machine_is_not_taken_for_dead(target: Target, project: Project) -> None:
    left_by_somebody(target, project, by="bob@other", machine="other", pid=1 << 30)
    with (
        pytest.raises(Held, match="bob@other is deploying bamboo to stg: `culm up`, since "),
        locked(target, project) as mine,
    ):
        mine.acquire()


def test_without_a_sign_of_life_it_is_free(target: Target, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    left_by_somebody(target, project, machine="other")
    found = holder(target.client("s3"), bucket(target))
    assert found is not None
    assert not found.dead
    assert dataclasses.replace(found, age_seconds=lock.EXPIRY_SECONDS + 1).dead
    monkeypatch.setattr(lock, "EXPIRY_SECONDS", -1.0)
    with locked(target, project) as mine:
        mine.acquire()


def test_a_renewal_is_a_sign_of_life_and_leaves_one_version(target: Target, project: Project) -> None:
    s3 = target.client("s3")
    with locked(target, project) as mine:
        mine.acquire()
        assert mine._renewing.is_alive()
        assert mine._renewing.daemon, "a command that crashes does not stay for the sake of its lock"
        first = holder(s3, bucket(target))
        mine.renew()
        now = holder(s3, bucket(target))
        assert first is not None
        assert now is not None
        assert now.etag != first.etag
        assert (now.by, now.since, now.pid) == (first.by, first.since, os.getpid())
        assert versions(target) == 1
        mine.check()
    assert not mine._renewing.is_alive()


def test_who_finds_his_lock_opened_writes_nothing_more(target: Target, project: Project) -> None:
    with locked(target, project) as mine:
        mine.acquire()
        opened = unlock(target, project)
        assert opened is not None
        assert opened.pid == os.getpid()
        mine.renew()
        with pytest.raises(Lost, match="was taken over by `culm unlock`: this command stops here"):
            target.client("logs").create_log_group(logGroupName="/x")
    assert unlock(target, project) is None


def test_a_lock_that_is_lost_is_lost_also_when_nobody_can_say_who_has_it(target: Target, project: Project) -> None:
    with locked(target, project) as mine:
        mine.acquire()
        target.before_write = None
        target.client("s3").put_object(Bucket=bucket(target), Key=KEY, Body=b"nobody can read this")
        mine.renew()
        with pytest.raises(Lost, match="was taken over by somebody else: this command stops here"):
            mine.check()
        unlock_by_hand = target.client("s3").list_object_versions(Bucket=bucket(target), Prefix=KEY)["Versions"]
        for version in unlock_by_hand:
            target.client("s3").delete_object(Bucket=bucket(target), Key=KEY, VersionId=version["VersionId"])


def test_of_two_who_take_over_a_dead_lock_the_slower_is_told_who_was_faster(target: Target, project: Project) -> None:
    left_by_somebody(target, project, by="bob@other", pid=1 << 30)
    faster = Lock(target, project, "culm deploy web")
    slower = Lock(target, project, "culm up", say=lambda _: faster.acquire())
    with pytest.raises(Held, match="is deploying bamboo to stg: `culm deploy web`, since "):
        slower.acquire()
    slower.release()
    assert holder(target.client("s3"), bucket(target)) is not None, "the faster one keeps it"
    faster.release()


def test_a_dead_lock_that_is_opened_while_it_is_taken_over_is_asked_for_again(target: Target, project: Project) -> None:
    left_by_somebody(target, project, by="bob@other", pid=1 << 30)
    mine = Lock(target, project, "culm up", say=lambda _: unlock(target, project))
    with pytest.raises(Held) as refusal:
        mine.acquire()
    assert refusal.value.what == "somebody else took the lock at the same moment"
    assert refusal.value.hint == "run the same command again"
    mine.acquire()
    mine.release()


def test_a_lock_that_is_released_before_its_holder_is_read_is_free(
    target: Target, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Lock(target, project, "culm up"), Lock(target, project, "culm down")
    first.acquire()

    def read_late() -> lock.Holder | None:
        first.release()
        return holder(target.client("s3"), bucket(target))

    monkeypatch.setattr(second, "holder", read_late)
    second.acquire()
    assert getattr(holder(target.client("s3"), bucket(target)), "does", None) == "culm down"
    second.release()


def test_it_is_renewed_until_somebody_else_has_it_and_who_that_is_is_said(
    target: Target, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "RENEW_SECONDS", 0.01)
    s3 = target.client("s3")
    mine = Lock(target, project, "culm up")
    mine.acquire()
    first = etag(target)
    eventually(lambda: etag(target) != first)
    content = {"by": "bob@other", "machine": "other", "pid": 1, "does": "culm up", "since": 0.0}
    s3.put_object(Bucket=bucket(target), Key=KEY, Body=json.dumps(content).encode())
    mine._renewing.join(60)
    assert not mine._renewing.is_alive(), "what is lost is lost for good"
    with pytest.raises(Lost, match="was taken over by bob@other: this command stops here"):
        mine.check()
    mine.release()
    assert getattr(holder(s3, bucket(target)), "by", None) == "bob@other"


def test_where_aws_does_not_answer_a_renewal_loses_nothing_and_a_release_says_that_it_opens_by_itself(
    target: Target, project: Project
) -> None:
    told: list[str] = []
    mine = Lock(target, project, "culm up", told.append)
    mine.acquire()

    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3")

    mine._s3.meta.events.register("before-call.s3", unreachable)
    mine.renew()
    mine.check()
    mine.release()
    assert told == ["the lock could not be deleted: it opens by itself in 90 s"]
    mine._s3.meta.events.unregister("before-call.s3", unreachable)
    assert unlock(target, project) is not None


def test_in_a_bucket_that_keeps_no_versions_yet_a_release_deletes_its_own_lock_alone(
    target: Target, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = target.client("s3")
    s3.create_bucket(Bucket=bucket(target))
    monkeypatch.setattr(Vault, "prepare", lambda self, region: None)
    with locked(target, project) as mine:
        mine.acquire()
    assert holder(s3, bucket(target)) is None
    with locked(target, project) as lost:
        lost.acquire()
        others = s3.put_object(Bucket=bucket(target), Key=KEY, Body=b"somebody else's")["ETag"]
    assert etag(target) == others


def test_opening_a_lock_leaves_objects_whose_names_only_begin_like_it(target: Target, project: Project) -> None:
    left_by_somebody(target, project)
    s3 = target.client("s3")
    s3.put_object(Bucket=bucket(target), Key=f"{KEY}.note", Body=b"why it is held")
    assert unlock(target, project) is not None
    assert versions(target) == 1, "the note's"


def test_a_deploy_beside_another_changes_nothing(shop: Shop) -> None:
    shop.up()
    shop.calls()
    shop.write("web/Dockerfile", 'FROM base\nEXPOSE 8000\nCMD ["sh", "-c", "true"]\n')
    other = Target(shop.project.targets["stg"])
    with locked(other, shop.project) as others:
        others.acquire()
        for command in (shop.up, lambda: shop.culm("scale", "web", "2"), lambda: shop.culm("down")):
            with pytest.raises(CulmError, match="is deploying bamboo to stg"):
                command()
        assert shop.writes() == []
    shop.up()
