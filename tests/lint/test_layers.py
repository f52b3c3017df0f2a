"""Files in the layers of built images."""

import io
import json
import tarfile

import pytest

from culm.deploy.build import saved
from culm.lint import layers
from culm.lint.layers import LayerFile

KEY = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n"


def findings(path: str, text: str = KEY, *excused: str) -> list[str]:
    file = LayerFile(path=path, size=len(text), read=lambda: text.encode())
    return [str(finding) for finding in layers.check("web", [file, file], excused)]


@pytest.mark.parametrize("path", ["app/id_rsa", "./opt/.ssh/id_ed25519", "/srv/server.key", "app/conf/x.pem"])
def test_a_private_key_in_a_layer_is_named_once_by_its_path(path: str) -> None:
    [line] = findings(path)
    assert line.startswith(f"web: /{path.removeprefix('./').lstrip('/')}: is a private key, and is in a layer")
    assert findings(path, KEY, path.rpartition("/")[2]) == []


@pytest.mark.parametrize(
    "path",
    [
        "etc/ssl/private/ssl-cert-snakeoil.key",
        "usr/local/lib/python3.12/site-packages/tornado/test/test.key",
        "app/node_modules/x/server.key",
        "app/tests/id_rsa",
        "app/id_rsa.pub",
    ],
)
def test_keys_that_everybody_has_are_passed_over(path: str) -> None:
    assert findings(path) == []


def test_what_a_key_s_name_alone_promises_is_no_finding() -> None:
    assert findings("app/public.pem", "-----BEGIN PUBLIC KEY-----") == []
    assert findings("opt/.npmrc", "//r.example.com/:_authToken=${NPM_TOKEN}") == []


def tar(*files: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("padding", [0, saved.MOST_JSON])
def test_layers_of_base_images_are_not_looked_at_and_every_other_is(padding: int) -> None:
    pad = ("data.bin", b"\0" * padding)
    manifest = [{"Config": "c.json", "Layers": ["a/layer.tar", "blobs/sha256/b"]}]
    archive = tar(
        ("a/layer.tar", tar(pad, ("opt/id_rsa", KEY.encode()))),
        ("blobs/sha256/b", tar(pad, ("app/id_rsa", KEY.encode()), ("app/other", b"x"))),
        ("c.json", json.dumps({"rootfs": {"diff_ids": ["sha256:base", "sha256:own"]}}).encode()),
        ("manifest.json", json.dumps(manifest).encode()),
    )
    files = saved.own_files(io.BytesIO(archive), {"sha256:base"})
    assert [(file.path, file.read()) for file in files] == [("app/id_rsa", KEY.encode())]
