"""How a database's own client is opened: address and user as words, the password in the environment alone."""

import pytest

from culm.operate.database_client import command, facts, login, program

URLS = {
    "postgres": "postgresql://shop_web:p%40ss-word@127.0.0.1:5433/shop_web\n",
    "mariadb": "mysql://shop_web:p%40ss-word@127.0.0.1:3307/shop_web",
    "valkey": "redis://shop-cache-web:p%40ss-word@127.0.0.1:6380/0",
}
LINES = {
    "postgres": "psql --host=127.0.0.1 --port=5433 --username=shop_web --dbname=shop_web -c x",
    "mariadb": "mariadb --host=127.0.0.1 --port=3307 --user=shop_web --protocol=tcp --skip-ssl -c x shop_web",
    "valkey": "valkey-cli -h 127.0.0.1 -p 6380 -n 0 --user shop-cache-web -c x",
}


@pytest.mark.parametrize("engine", URLS)
def test_address_and_user_are_words_and_the_password_is_in_the_environment(engine):
    words, environment = command(LINES[engine].split()[0], login(engine, URLS[engine]), ["-c", "x"])
    assert " ".join(words) == LINES[engine]
    assert list(environment.values()) == ["p@ss-word"]


@pytest.mark.parametrize("engine", URLS)
def test_nothing_that_is_shown_of_a_login_has_its_password(engine):
    to = login(engine, URLS[engine])
    assert "ss-word" not in f"{to!r} {facts(to)}"
    assert facts(to)["host"] == "127.0.0.1"


def test_a_port_that_the_url_leaves_out_is_the_engines_own():
    assert login("mysql", "mysql://web@db/web").port == 3306


def test_mysqls_own_client_gets_no_option_of_mariadbs():
    assert "--skip-ssl" not in command("/usr/bin/mysql", login("mysql", URLS["mariadb"]), [])[0]


def test_a_cache_with_tls_is_spoken_to_by_tls():
    assert "--tls" in command("redis-cli", login("redis", "rediss://web:secret@cache:6379/0"), [])[0]


def test_a_text_that_is_no_url_is_refused():
    with pytest.raises(ValueError, match="no host"):
        login("postgres", "see the wiki")


def test_psql_comes_with_culm_where_the_machine_has_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CULM_POSTGRES", raising=False)
    assert (program("postgres") or "").endswith("/psql")
    assert program("mariadb") is None
