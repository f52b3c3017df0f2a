import pytest

from orders import settings
from orders.database import address
from orders.settings import FOLDER, Misconfigured


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch):
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.delenv("HOST", raising=False)


@pytest.mark.parametrize("folder", [FOLDER, FOLDER.parent / "docker/conf"])
def test_the_folders_that_come_with_the_service_are_whole(folder):
    assert settings.load(folder).port
    assert address(settings.url("database", folder)).database == "orders"


def test_port_and_host_of_the_environment_win(monkeypatch):
    monkeypatch.setenv("PORT", "4711")
    monkeypatch.setenv("HOST", "127.77.0.11")
    loaded = settings.load()
    assert (loaded.host, loaded.port) == ("127.77.0.11", 4711)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 70000", "Expected `int` <= 65535 - at `$.port`"),
        ("prot = 80", "unknown field `prot`"),
        ("port =", "settings.toml"),
        ("[database]\nconnections = 0", "at `$.database.connections`"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, text, said):
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(Misconfigured) as raised:
        settings.load(tmp_path)
    assert said in str(raised.value)


def test_a_port_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("PORT", "http")
    with pytest.raises(Misconfigured, match="PORT"):
        settings.load()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Misconfigured, match=r"database\.url"):
        settings.url("database", tmp_path)


def test_what_is_no_url_is_refused_but_not_shown(tmp_path):
    (tmp_path / "database.url").write_text("user:secret@somewhere")
    with pytest.raises(Misconfigured) as raised:
        settings.url("database", tmp_path)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+pg8000"])
def test_any_postgresql_url_is_taken(scheme):
    assert address(f"{scheme}://u:p@h/d").drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "postgresql://u:secret@h:port/d", "http://u:secret@h"])
def test_another_url_is_refused_but_not_shown(url):
    with pytest.raises(Misconfigured) as raised:
        address(url)
    assert "secret" not in str(raised.value)
