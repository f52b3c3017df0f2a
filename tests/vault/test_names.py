"""Names of the vault's files."""

import pytest

from culm.errors import UsageError
from culm.vault import names


def test_a_name_is_environment_service_file() -> None:
    found = names.name("stg/accounts/settings.toml")
    assert (found.env, found.service, found.file) == ("stg", "accounts", "settings.toml")
    assert str(found) == "stg/accounts/settings.toml"


@pytest.mark.parametrize("text", ["", "stg", "stg/accounts", "stg/accounts/a/b", "stg//a", "/stg/a/b"])
def test_malformed_names_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        names.name(text)


@pytest.mark.parametrize("text", ["stg/../prd", "stg/accounts/..", "stg/a b/c", "stg/accounts/a\nb", "stg/./x"])
def test_dots_cannot_leave_the_vault(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be part of a name"):
        names.named(text)


def test_a_folder_is_an_environment_or_a_service_of_it() -> None:
    assert [names.folder(t).prefix for t in ("", "stg", "stg/", "stg/web")] == ["", "stg/", "stg/", "stg/web/"]
    assert names.named("stg/web") == names.Folder(env="stg", service="web")
    assert names.named("stg/web/a") == names.Name(env="stg", service="web", file="a")


def test_objects_that_culm_did_not_write_are_ignored() -> None:
    assert names.of_key("stg/readme.txt") is None
    assert names.of_key("stg/web/") is None
    assert names.of_key("stg/web/a.toml") == names.name("stg/web/a.toml")
