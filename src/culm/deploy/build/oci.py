"""An image as OCI writes it: layers, configuration, manifest. The same plan gives the same bytes, so the same digest.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from typing import Any

from culm.core.model.record import record
from culm.deploy.build.context import ImageFile
from culm.deploy.build.plan import ImagePlan

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EPOCH = 315532800
"""1980-01-01, every file's time: the earliest that zip files can hold."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "AMD64": "amd64"}


@record
class Blob:
    digest: str
    size: int
    media_type: str

    def described(self) -> dict[str, Any]:
        """Return a blob as a manifest describes it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@record
class OciImage:
    """What a registry is sent: blobs first, then the manifest."""

    blobs: Mapping[str, bytes]
    """By digest."""
    manifest: bytes

    @property
    def digest(self) -> str:
        return sha256(self.manifest)


def image(plan: ImagePlan) -> OciImage:
    """Return the plan's image, as its label's prefixes and files say."""
    blobs: dict[str, bytes] = {}
    layers: list[Blob] = []
    contents: list[str] = []
    for files in plan.layers:
        archive = tar(files)
        packed = gzip.compress(archive, compresslevel=6, mtime=0)
        layers.append(keep(blobs, packed, LAYER))
        contents.append(sha256(archive))
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": plan.config,
        "rootfs": {"type": "layers", "diff_ids": contents},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": keep(blobs, canonical(config), CONFIG).described(),
        "layers": [layer.described() for layer in layers],
    }
    return OciImage(blobs=blobs, manifest=canonical(manifest))


def tar(files: Mapping[str, ImageFile]) -> bytes:
    """Return one layer. Owners and times are left out: two hosts make the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mode, entry.mtime = file.mode, EPOCH
            match file.kind:
                case "gone":
                    folder, _, name = entry.name.rpartition("/")
                    entry.name = f"{folder}/.wh.{name}".lstrip("/")
                    archive.addfile(entry)
                case "folder":
                    entry.type = tarfile.DIRTYPE
                    archive.addfile(entry)
                case "link":
                    entry.type, entry.linkname = tarfile.SYMTYPE, file.link
                    archive.addfile(entry)
                case _:
                    data = file.data()
                    entry.size = len(data)
                    archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def keep(blobs: dict[str, bytes], data: bytes, media_type: str) -> Blob:
    """Put bytes among the image's blobs, under their digest; returns what a manifest says of them."""
    blobs[sha256(data)] = data
    return Blob(digest=sha256(data), size=len(data), media_type=media_type)


def canonical(value: Any) -> bytes:
    """Return JSON that is the same for equal values, whatever the order of their members."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256(data: bytes) -> str:
    """Return a digest as registries write it, `sha256:...`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
