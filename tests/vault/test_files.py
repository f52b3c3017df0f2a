"""Files of the vault through boto3: versions, conflicts, corruption."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.serving import served

from culm.cluster.wire.http import Request, Response
from culm.errors import CulmError
from culm.vault import names
from culm.vault.files import Conflict, Vault
from culm.vault.names import Folder
from culm.vault.secret import Secret

NAME = names.name("stg/accounts/settings.toml")


def put(vault: Vault, text: str, name: names.Name = NAME) -> str:
    return vault.write(name, Secret(text.encode()), over=vault.read(name))


def text(vault: Vault, version: str | None = None) -> str | None:
    found = vault.read(NAME, version)
    return found.data.text() if found else None


def test_what_was_written_is_read_and_every_version_can_be_had(vault: Vault) -> None:
    first, second = put(vault, "a = 1\n"), put(vault, "a = 2\n")
    assert (text(vault), text(vault, first), text(vault, second)) == ("a = 2\n", "a = 1\n", "a = 2\n")


def test_a_file_or_a_version_that_is_not_there_is_none(vault: Vault) -> None:
    assert text(vault) is None
    put(vault, "a = 1\n")
    assert vault.read(NAME, "00000000000000000000000000000000") is None


def test_a_write_over_what_somebody_else_changed_is_refused_and_nothing_is_lost(vault: Vault) -> None:
    put(vault, "a = 1\n")
    seen = vault.read(NAME)
    put(vault, "theirs = 1\n")
    with pytest.raises(Conflict, match=r"stg/accounts/settings\.toml was changed by somebody else"):
        vault.write(NAME, Secret(b"mine = 1\n"), over=seen)
    assert text(vault) == "theirs = 1\n"
    assert len(list(vault.history(NAME))) == 2


def test_two_who_make_the_same_file_do_not_overwrite_each_other(vault: Vault) -> None:
    vault.write(NAME, Secret(b"theirs"), over=None)
    with pytest.raises(Conflict, match="was created by somebody else"):
        vault.write(NAME, Secret(b"mine"), over=None)
    assert text(vault) == "theirs"


def test_a_write_over_what_somebody_else_removed_is_a_conflict(vault: Vault) -> None:
    put(vault, "a = 1\n")
    seen = vault.read(NAME)
    vault.delete(NAME)
    with pytest.raises(Conflict):
        vault.write(NAME, Secret(b"mine"), over=seen)


def test_what_is_removed_stays_in_the_history_until_it_is_purged(vault: Vault) -> None:
    first = put(vault, "a = 1\n")
    vault.delete(NAME)
    assert text(vault) is None
    assert list(vault.list(Folder())) == []
    assert [(v.deleted, v.current) for v in vault.history(NAME)] == [(True, True), (False, False)]
    assert text(vault, first) == "a = 1\n"
    assert vault.purge(NAME) == 2
    assert list(vault.history(NAME)) == []
    assert text(vault, first) is None


def test_a_removed_file_can_be_written_again(vault: Vault) -> None:
    put(vault, "a = 1\n")
    vault.delete(NAME)
    put(vault, "a = 2\n")
    assert text(vault) == "a = 2\n"


def test_a_thousand_versions_and_more_are_listed_the_newest_first(vault: Vault, cloud: Any) -> None:
    seen = None
    for number in range(1100):
        cloud.clock.advance(1)
        vault.write(NAME, Secret(b"%d" % number), over=seen)
        seen = vault.read(NAME)
    found = list(vault.history(NAME))
    assert len(found) == 1100
    assert [v.current for v in found] == [True] + [False] * 1099
    assert [v.at for v in found] == sorted((v.at for v in found), reverse=True)
    assert text(vault, found[-1].version) == "0"
    assert vault.purge(NAME) == 1100


def test_a_listing_is_of_a_folder_and_not_of_names_that_begin_alike(vault: Vault) -> None:
    for each in ("stg/web/a.toml", "stg/website/a.toml", "prd/web/a.toml"):
        put(vault, "x", names.name(each))
    assert [str(each.name) for each in vault.list(names.folder("stg/web"))] == ["stg/web/a.toml"]
    assert [str(each.name) for each in vault.list(names.folder("stg"))] == ["stg/web/a.toml", "stg/website/a.toml"]
    assert [str(v.version) for v in vault.history(names.name("stg/web/a.tom"))] == []


def test_present_files_are_listed_with_their_version_and_how_many_are_kept(vault: Vault) -> None:
    first, second = names.name("stg/orders/a.yml"), names.name("stg/orders/b.yml")
    vault.write(first, Secret(b"one"), None)
    newest = vault.write(first, Secret(b"second"), vault.read(first))
    vault.write(second, Secret(b"gone"), None)
    vault.delete(second)
    [file] = vault.present(Folder())
    assert (file.name, file.version, file.versions, file.size) == (first, newest, 2, 6)


def test_a_corrupted_file_is_named(vault: Vault, cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    version = put(vault, "a = 1\n")
    answer = cloud.answer

    def on_a_bad_disk(request: Request, **how: Any) -> Response:
        response: Response = answer(request, **how)
        if request.method == "GET" and request.path.endswith("settings.toml"):
            return replace(response, body=response.body.replace(b"1", b"7"))
        return response

    monkeypatch.setattr(cloud, "answer", on_a_bad_disk)
    with pytest.raises(CulmError, match=r"stg/accounts/settings\.toml is corrupted") as refused:
        vault.read(NAME)
    assert "culm vault history stg/accounts/settings.toml" in refused.value.hint
    with pytest.raises(CulmError, match=rf"settings.toml \(version {version}\) is corrupted"):
        vault.read(NAME, version)


def test_an_empty_vault_lists_nothing_and_is_versioned_when_prepared(cloud: Any) -> None:
    fresh = Vault(cloud.client("s3"), "culm-vault-of-another")
    assert list(fresh.list(Folder())) == []
    assert list(fresh.history(NAME)) == []
    assert fresh.read(NAME) is None
    fresh.prepare("us-east-1")
    fresh.prepare("us-east-1")
    assert cloud.client("s3").get_bucket_versioning(Bucket="culm-vault-of-another")["Status"] == "Enabled"


def test_of_many_concurrent_edits_each_succeeds_or_is_refused(tmp_path: Path) -> None:
    with served(tmp_path) as endpoint:
        s3 = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
        )
        vault = Vault(s3, "culm-vault-1")
        vault.prepare("us-east-1")
        vault.write(NAME, Secret(b""), over=None)
        start = threading.Barrier(8)

        def add_lines(who: int) -> int:
            told = 0
            start.wait()
            for number in range(5):
                while True:
                    seen = vault.read(NAME)
                    assert seen is not None
                    try:
                        vault.write(NAME, Secret(seen.data.reveal() + b"%d.%d\n" % (who, number)), over=seen)
                        break
                    except Conflict:
                        told += 1
            return told

        with ThreadPoolExecutor(8) as pool:
            told = sum(pool.map(add_lines, range(8)))
        lines = (text(vault) or "").split()
        s3.close()
    assert sorted(lines) == sorted(f"{who}.{number}" for who in range(8) for number in range(5))
    assert told > 0, "nobody ever met anybody: this test has shown nothing"
