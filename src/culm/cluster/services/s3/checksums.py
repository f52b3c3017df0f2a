"""Checksums of objects: what a client sends is verified where that is cheap, and always told back.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any, Protocol

from culm.cluster.store.s3.objects import Checksums
from culm.errors import AwsError

MEMBERS = tuple(field.name for field in fields(Checksums))

ALGORITHMS = {
    "CRC32": "checksum_crc32",
    "CRC32C": "checksum_crc32_c",
    "CRC64NVME": "checksum_crc64_nvme",
    "SHA1": "checksum_sha1",
    "SHA256": "checksum_sha256",
}
"""ChecksumAlgorithm -> the member that holds its value."""


def crc32(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


class Crc32:
    """As hashlib's hashes are."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


BEGUN: dict[str, Callable[[], Hash]] = {
    "checksum_crc32": Crc32,
    "checksum_sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "checksum_sha256": hashlib.sha256,
}
"""Those of `COMPUTED`, for bytes that come in pieces."""


class Digests:
    """The MD5 of a body that comes in pieces, and the checksums that `request`, an input, claims for it."""

    def __init__(self, request: Any) -> None:
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._claimed = {name: begin() for name, begin in BEGUN.items() if getattr(request, name) is not None}

    @classmethod
    def of(cls, request: Any, body: bytes) -> "Digests":
        """Return the digests of a body that is there."""
        digests = cls(request)
        digests.update(body)
        return digests

    def update(self, data: bytes) -> None:
        """Add bytes to the size, the MD5 and every checksum that the client claims."""
        self.size += len(data)
        for each in (self._md5, *self._claimed.values()):
            each.update(data)

    @property
    def md5(self) -> bytes:
        return self._md5.digest()

    @property
    def e_tag(self) -> str:
        """The MD5 in hex, in quotes, as S3 has it for an object that came in one piece."""
        return f'"{self.md5.hex()}"'

    def verify(self, request: Any) -> Checksums:
        """Return the checksums that came with the body, once they are known to be its own. Raises BadDigest."""
        if request.content_md5 is not None and request.content_md5 != encode(self.md5):
            raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")
        for member, computed in self._claimed.items():
            if getattr(request, member) != encode(computed.digest()):
                algorithm = next(name for name, known in ALGORITHMS.items() if known == member)
                raise AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
        return given(request)


COMPUTED: dict[str, Callable[[bytes], bytes]] = {
    "checksum_crc32": crc32,
    "checksum_sha1": sha1,
    "checksum_sha256": sha256,
}
"""Python has no fast CRC32C and CRC64NVME: those two are kept as they are given."""


def given(request: Any) -> Checksums:
    """Return the checksums among an input's members."""
    return Checksums(**{name: getattr(request, name) for name in MEMBERS})


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def e_tag_of_parts(e_tags: Sequence[str]) -> str:
    """Return the MD5 of the parts' MD5s, and how many they are."""
    joined = b"".join(bytes.fromhex(tag.strip('"')) for tag in e_tags)
    return f'"{md5(joined).hex()}-{len(e_tags)}"'


def of_parts(algorithm: str, parts: Sequence[Checksums]) -> Checksums:
    """Return the composite: the checksum of the parts' checksums, and how many they are."""
    member = ALGORITHMS[algorithm]
    values = [getattr(part, member) for part in parts]
    compute = COMPUTED.get(member)
    if compute is None or None in values:
        return Checksums()
    return Checksums(**{member: f"{encode(compute(b''.join(map(base64.b64decode, values))))}-{len(parts)}"})


def of_whole(algorithm: str, chunks: Iterable[bytes], claimed: Checksums) -> Checksums:
    """Return the checksum of a whole object that came in parts; only CRCs have one."""
    if algorithm != "CRC32":
        return claimed
    value = 0
    for chunk in chunks:
        value = zlib.crc32(chunk, value)
    computed = encode(value.to_bytes(4, "big"))
    if claimed.checksum_crc32 not in (None, computed):
        raise AwsError("BadDigest", "The CRC32 you specified did not match the calculated checksum.")
    return Checksums(checksum_crc32=computed)


def encode(digest: bytes) -> str:
    """Return a digest in base64, as headers have it."""
    return base64.b64encode(digest).decode()


def members(checksums: Checksums, kind: str | None) -> dict[str, Any]:
    """Return checksums as output members; the type only where there is a checksum."""
    shown = {name: value for name in MEMBERS if (value := getattr(checksums, name)) is not None}
    return shown | {"checksum_type": kind or "FULL_OBJECT"} if shown else {}


def algorithms(checksums: Checksums) -> list[str] | None:
    """Return the names of what an object has, for listings."""
    return [name for name, member in ALGORITHMS.items() if getattr(checksums, member)] or None
