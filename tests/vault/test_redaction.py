"""Secret values do not show, wherever they turn up."""

import json
import logging
import pickle
import subprocess
import sys

import pytest

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
    ],
)
def test_what_is_secret_in_a_file(name: str, text: str, secret: set[str]) -> None:
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
