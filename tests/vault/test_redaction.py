"""Secret values do not show, wherever they turn up."""

import html
import json
import logging
import pickle
import re
import shlex
import subprocess
import sys
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis.strategies import characters, sampled_from, text
from tests.share import examples

from culm.vault import redaction
from culm.vault.compare import differences
from culm.vault.redaction import values
from culm.vault.secret import Secret

PASSWORD = "k3Lm9-xYz_w8Qr"
URL = f"postgresql://bamboo:{PASSWORD}@127.0.0.1:5432/bamboo"


def test_a_secret_shows_itself_in_no_form_but_by_name() -> None:
    secret = Secret(PASSWORD.encode())
    shown = [f"{secret}", f"{secret!r:>20}", str(secret), "%s" % secret, str([secret]), str({"a": secret})]  # noqa: UP031
    assert not any(PASSWORD in text for text in shown)
    assert all("[redacted]" in text for text in shown)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert (secret.text(), secret.reveal(), len(secret)) == (PASSWORD, PASSWORD.encode(), 14)
    assert secret == Secret(PASSWORD.encode())
    assert secret != PASSWORD


@pytest.mark.parametrize(
    ("name", "text", "secret"),
    [
        ("database.url", URL + "\n", {PASSWORD}),
        ("database.url", "postgresql://u:p%40ss-word@h/d", {"p%40ss-word", "p@ss-word"}),
        ("main.password", PASSWORD, {PASSWORD}),
        ("settings.toml", f'host = "h"\napi_key = "{PASSWORD}"\n', {PASSWORD}),
        ("settings.yml", f"smtp:\n  password: {PASSWORD}\n", {PASSWORD}),
        ("settings.json", f'{{\n  "client_secret": "{PASSWORD}",\n  "port": 1\n}}', {PASSWORD}),
        (".env", f"export STRIPE_TOKEN='{PASSWORD}'\n", {PASSWORD}),
        ("key.pem", "-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----\n", {"MIIabc"}),
        ("crt.pem", "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----\n", set()),
        ("load-balancer.url", "http://127.0.0.1:8080\n", set()),
        ("settings.toml", 'host = "0.0.0.0"\nport = 8080\nlog_level = "info"\n', set()),
        ("hosts", "http://[bad:url@x\n", set()),
        ("settings.json", f'{{"db": {{"password": "{PASSWORD}", "port": 5432}}}}', {PASSWORD}),
        ("settings.toml", f'db = {{ password = "{PASSWORD}", host = "main" }}\n', {PASSWORD}),
        ("settings.toml", f'password = "{PASSWORD}"  # the owner\'s\n', {PASSWORD}),
        (".env", f"DB_PASSWORD={PASSWORD} # the owner's\n", {PASSWORD, f"{PASSWORD} # the owner's"}),
        ("settings.toml", 'password = "p\\"ss\\u00e4"\n', {'p\\"ss\\u00e4', 'p"ssä'}),
        ("settings.yml", "password: 'it''s me'\n", {"it''s me", "it's me"}),
        ("settings.yml", "tokens: [first-token, second-token]\n", {"first-token", "second-token"}),
        ("settings.yml", "passwords:\n  eve: k3Lm9-xYz\nport: 1\n", {"k3Lm9-xYz"}),
        ("settings.yml", "access_key:\n  region: us-east-1\n", set()),
        ("settings.yml", "a: &a {api_key: k3Lm9-xYz, me: *a}\n", {"k3Lm9-xYz"}),
        (
            "settings.toml",
            'password = """\nk3Lm9-xYz\nmore-of-it"""\n',
            {"k3Lm9-xYz", "more-of-it", "k3Lm9-xYz\nmore-of-it"},
        ),
        ("settings.json", '{"password": "k3Lm9-xYz", ', {"k3Lm9-xYz"}),
    ],
)
def test_secrets_of_a_file_are_told_from_its_other_settings(name: str, text: str, secret: set[str]) -> None:
    assert values(name, text) == secret


PROGRAM = f"""
import json, logging, sys
from culm.vault import redaction
redaction.guard()
redaction.remember("database.url", {URL!r})
print("stdout", {URL!r})
print(json.dumps({{"url": {URL!r}}}))
print("stderr", {URL!r}, file=sys.stderr)
logging.basicConfig(level="INFO")
logging.getLogger("anyone").info("log %s", {URL!r})
try:
    raise OSError("caught {PASSWORD}")
except OSError:
    logging.getLogger("anyone").exception("failed")
sys.stdout.buffer.write(b"asked for: {PASSWORD[:3]}\\n")
raise RuntimeError("cannot connect to " + {URL!r})
"""


def test_a_process_that_has_read_it_never_says_it_not_in_json_logs_or_tracebacks() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert PASSWORD not in said
    assert done.returncode == 1
    hidden = URL.replace(PASSWORD, "[redacted]")
    for line in (
        f"stdout {hidden}",
        f'{{"url": "{hidden}"}}',
        f"stderr {hidden}",
        f"INFO:anyone:log {hidden}",
        "OSError: caught [redacted]",
        f"RuntimeError: cannot connect to {hidden}",
    ):
        assert line in said.splitlines()
    assert f"asked for: {PASSWORD[:3]}" in said, "bytes are written as they are"


WRITTEN = [
    json.dumps,
    lambda text: json.dumps(text, ensure_ascii=False),
    lambda text: json.dumps({"message": json.dumps({"url": text})}),
    lambda text: json.dumps(text).replace("/", "\\/").replace("<", "\\u003c").replace("&", "\\u0026"),
    repr,
    lambda text: repr([text]),
    lambda text: repr(text.encode()),
    quote,
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
    quote_plus,
    lambda text: re.sub("%..", lambda match: match[0].lower(), quote(text, safe="")),
    shlex.quote,
    html.escape,
    lambda text: json.dumps(html.escape(text)),
]
"""How programs write a value that they print."""


@pytest.mark.parametrize("write", WRITTEN)
@pytest.mark.parametrize(
    "secret",
    ['p"ss\\wörd', "a'b'c 'd", "tab\there", "50%+50% & <more>", "日本🔑x\\\\", "/a/b$c`d!", '\\"\\"\\"', "00000Ã"],
)
def test_a_secret_is_cut_out_however_it_is_written(write, secret, monkeypatch) -> None:
    knows(monkeypatch, secret)
    assert redaction.redacted(f"before {write(secret)} after").count("[redacted]") == 1
    assert leftover(write, secret) <= leftover(write, "x") | QUOTES


@settings(max_examples=examples(300))
@given(text(characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=6), sampled_from(WRITTEN))
def test_any_secret_is_cut_out_of_any_writing(secret: str, write) -> None:
    with pytest.MonkeyPatch.context() as patch:
        knows(patch, secret)
        assert leftover(write, secret) <= leftover(write, "x") | QUOTES


def knows(patch: pytest.MonkeyPatch, secret: str) -> None:
    """Let `secret` be all that is remembered."""
    patch.setattr(redaction, "_known", set())
    patch.setattr(redaction, "_patterns", {})
    patch.setattr(redaction, "_guard_logs", lambda: None)
    redaction.remember("x.json", json.dumps({"password": secret}))
    redaction._known.intersection_update({secret})


QUOTES = {'"', "'", "\\"}


def leftover(write, secret: str) -> set[str]:
    """The characters that are printed around a secret: they are the same whatever it is, but for the quotes."""
    return set(redaction.redacted(write(secret)).replace("[redacted]", "x"))


def test_before_anything_is_known_nothing_is_changed() -> None:
    program = f"from culm.vault import redaction; redaction.guard(); print({URL!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == URL + "\n"


def test_log_records_keep_their_shape() -> None:
    record = logging.getLogger("x").makeRecord("x", logging.INFO, "f", 1, "%s is %d", ("a", 1), None)
    assert record.getMessage() == "a is 1"


def test_a_comparison_masks_secrets_but_tells_equal_from_different() -> None:
    old = {"s.toml": f'port = 1\nkey = 1\napi_key = "{PASSWORD}"\n', "same.toml": "a"}
    new = {"s.toml": 'port = 2\nkey = 1\napi_key = "another-value"\n', "same.toml": "a", "more": "x\n"}
    lines = differences(old, new, ("stg/web", "prd/web"), salt=b"salt")
    assert lines[:3] == ["--- /dev/null", "+++ prd/web/more", "@@ -0,0 +1 @@"]
    assert lines[4:6] == ["--- stg/web/s.toml", "+++ prd/web/s.toml"]
    assert "-port = 1" in lines
    assert "+port = 2" in lines
    masked = [line for line in lines if "api_key" in line]
    assert len(masked) == 2
    assert masked[0][1:] != masked[1][1:]
    assert not any(PASSWORD in line or "another-value" in line for line in lines)
    assert any(PASSWORD in line for line in differences(old, new, ("a", "b"), salt=None))
    assert differences(old, {**old}, ("a", "b"), salt=b"salt") == []
