"""The layers of an image as an engine saves it: a tar of tars, read once from beginning to end.

`manifest.json` says which layer is where, and comes after them; so what is worth a look in each is kept until then.
https://github.com/moby/docker-image-spec/blob/main/spec.md
"""

import io
import json
import tarfile
from collections.abc import Collection
from typing import IO, Any

from culm.lint import copies, layers
from culm.lint.layers import LayerFile

MOST_JSON = 1 << 20
"""Bytes; a larger member is a layer."""


def own_files(archive: IO[bytes], of_bases: Collection[str]) -> list[LayerFile]:
    """Return the files worth a look of the layers that no base image has, whose digests (`diff_ids`) are `of_bases`."""
    described: dict[str, Any] = {}
    kept: dict[str, list[LayerFile]] = {}
    with tarfile.open(fileobj=archive, mode="r|") as outer:
        for member in outer:
            stream = outer.extractfile(member) if member.isreg() else None
            if stream is None:
                continue
            if member.size > MOST_JSON:
                kept[member.name] = files_of(stream)
                continue
            data = stream.read()
            try:
                described[member.name] = json.loads(data)
            except ValueError:
                kept[member.name] = files_of(io.BytesIO(data))
    [manifest, *_] = described["manifest.json"]
    digests = described[manifest["Config"]]["rootfs"]["diff_ids"]
    own = [name for name, digest in zip(manifest["Layers"], digests, strict=True) if digest not in of_bases]
    return [file for name in own for file in kept.get(name, ())]


def files_of(stream: IO[bytes]) -> list[LayerFile]:
    """Return the files of one layer that are worth a look; none where it is no layer."""
    result = []
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as layer:
            for member in layer:
                if member.isreg() and member.size <= copies.MOST_BYTES and layers.looked_at(member.name):
                    file = layer.extractfile(member)
                    data = file.read() if file is not None else b""
                    result.append(LayerFile(path=member.name, size=member.size, read=io.BytesIO(data).getvalue))
    except tarfile.ReadError:
        return []
    return result
