"""Sends an image to a registry: only the blobs that are not there, the manifest last.

A push that breaks off (the connection is lost, or nothing moves for SILENT_SECONDS, or the registry has trouble of its
own) is begun again, ATTEMPTS times in all: blobs that have arrived are found there and not sent a second time.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
"""

import time
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import httpx2

from culm.deploy.build.oci import MANIFEST, OciImage
from culm.deploy.build.port import PushDestination, Say
from culm.errors import CulmError

ATTEMPTS = 4
SILENT_SECONDS = 60.0
PAUSES = (1.0, 3.0, 9.0)
"""Seconds before the second attempt, and so on."""
PIECE = 1 << 20
"""Bytes that are sent between two words about progress."""
TROUBLE = (408, 425, 429, 500, 502, 503, 504)
"""Statuses of a registry that may be over in a moment."""


class BrokeOff(CulmError):
    """One attempt ended before its time, and another one may not."""


def push(
    image: OciImage,
    place: PushDestination,
    say: Say,
    progress: Say = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Push under the place's tag and the image's digest.

    `say` hears what became of it, `progress` how far it is; `pause` waits between attempts. Raises CulmError.
    """
    sent = 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            sent += Attempt(image, place, progress).send()
        except BrokeOff as reason:
            if attempt == ATTEMPTS:
                raise CulmError(f"cannot push to {place.repository}: {reason}", reason.hint or hint(place)) from None
            say(f"the push of {place.repository} broke off: {reason}; attempt {attempt + 1} of {ATTEMPTS}")
            pause(PAUSES[attempt - 1])
        else:
            say(f"pushed {place.repository} ({sent / 1024:.0f} KiB new)")
            return


def hint(place: PushDestination) -> str:
    """Return what to try after the last attempt."""
    if place.insecure:
        return "does the cluster run? culm cluster status"
    return "is the network there? the same command goes on from here: what has arrived is not sent again"


class Attempt:
    """One attempt to send an image."""

    def __init__(self, image: OciImage, place: PushDestination, progress: Say) -> None:
        self.image, self.place, self.progress = image, place, progress
        self.total = sum(len(data) for data in image.blobs.values())
        self.done = 0
        """Bytes that are there, sent now or before."""

    def send(self) -> int:
        """Send what is not there. Returns how many bytes that was. Raises BrokeOff, and CulmError for a refusal."""
        host, _, name = self.place.repository.partition("/")
        base = f"{'http' if self.place.insecure else 'https'}://{host}"
        auth = (self.place.user, self.place.password)
        try:
            # a registry on loopback is behind no proxy and has no certificate; to load all authorities takes a while
            secure = not self.place.insecure
            with httpx2.Client(
                base_url=base, auth=auth, timeout=SILENT_SECONDS, trust_env=secure, verify=secure
            ) as client:
                sent = sum(self.blob(client, name, digest, data) for digest, data in self.image.blobs.items())
                answer = client.put(
                    f"/v2/{name}/manifests/{self.place.tag}",
                    content=self.image.manifest,
                    headers={"Content-Type": MANIFEST},
                )
                check(answer, 201, self.place.repository)
        except httpx2.TimeoutException:
            raise BrokeOff(f"nothing moved for {SILENT_SECONDS:g} s") from None
        except httpx2.TransportError as error:
            if self.place.insecure and isinstance(error, httpx2.ConnectError):
                raise CulmError(f"cannot push to {self.place.repository}: {error}", hint(self.place)) from None
            raise BrokeOff(str(error) or type(error).__name__) from None
        return sent

    def blob(self, client: httpx2.Client, name: str, digest: str, data: bytes) -> int:
        """Return the bytes sent: none when the registry has the blob."""
        if has_blob(client, name, digest):
            self.done += len(data)
            return 0
        begun = client.post(f"/v2/{name}/blobs/uploads/")
        check(begun, 202, name)
        where = httpx2.URL(urljoin(str(begun.url), begun.headers["Location"])).copy_merge_params({"digest": digest})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(data))}
        check(client.put(where, content=self.pieces(data), headers=headers), 201, name)
        return len(data)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Give the data piece by piece, saying how far the push is."""
        for start in range(0, len(data), PIECE):
            self.progress(f"pushing {self.done / PIECE:.0f} of {self.total / PIECE:.0f} MiB")
            yield data[start : start + PIECE]
            self.done += min(PIECE, len(data) - start)


def has_blob(client: httpx2.Client, name: str, digest: str) -> bool:
    """Return whether a repository has a blob."""
    return client.head(f"/v2/{name}/blobs/{digest}").status_code == 200


def check(answer: httpx2.Response, wanted: int, name: str) -> None:
    """Raise BrokeOff where the registry has trouble, CulmError where it refuses."""
    if answer.status_code == wanted:
        return
    if answer.status_code in TROUBLE:
        trouble = refusal(answer, name)
        raise BrokeOff(trouble.what, trouble.hint)
    raise refusal(answer, name)


def refusal(answer: httpx2.Response, name: str) -> CulmError:
    """Return a registry's refusal in words; a full disk is the likely one on a laptop."""
    try:
        reason = "; ".join(f"{e['code']}: {e.get('message', '')}" for e in answer.json()["errors"])
    except (ValueError, KeyError, TypeError):
        reason = answer.text[:200]
    hint = "is its disk full?" if answer.status_code >= 500 else "does the repository exist, and may you push to it?"
    return CulmError(f"the registry refused {name} with status {answer.status_code}: {reason}", hint)
