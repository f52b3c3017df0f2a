"""Sends an image to a registry: only the blobs that are not there, the manifest last.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
"""

from urllib.parse import urljoin

import httpx2

from culm.deploy.build.oci import MANIFEST, OciImage
from culm.deploy.build.port import PushDestination, Say
from culm.errors import CulmError


def push(image: OciImage, place: PushDestination, say: Say) -> None:
    """Push under the place's tag and the image's digest."""
    host, _, name = place.repository.partition("/")
    base = f"{'http' if place.insecure else 'https'}://{host}"
    try:
        with httpx2.Client(base_url=base, auth=(place.user, place.password), timeout=60, trust_env=False) as client:
            sent = sum(send_blob(client, name, digest, data) for digest, data in image.blobs.items())
            answer = client.put(
                f"/v2/{name}/manifests/{place.tag}", content=image.manifest, headers={"Content-Type": MANIFEST}
            )
            check(answer, place)
    except httpx2.TransportError as error:
        raise CulmError(f"cannot push to {place.repository}: {error}", "does the cluster run? culm status") from None
    say(f"pushed {place.repository} ({sent / 1024:.0f} KiB new)")


def send_blob(client: httpx2.Client, name: str, digest: str, data: bytes) -> int:
    """Bytes sent: none when the registry has the blob."""
    if has_blob(client, name, digest):
        return 0
    begun = client.post(f"/v2/{name}/blobs/uploads/")
    if begun.status_code != 202:
        raise refusal(begun, name)
    where = httpx2.URL(urljoin(str(begun.url), begun.headers["Location"])).copy_merge_params({"digest": digest})
    done = client.put(where, content=data, headers={"Content-Type": "application/octet-stream"})
    if done.status_code != 201:
        raise refusal(done, name)
    return len(data)


def has_blob(client: httpx2.Client, name: str, digest: str) -> bool:
    """Return whether a repository has a blob."""
    return client.head(f"/v2/{name}/blobs/{digest}").status_code == 200


def check(answer: httpx2.Response, place: PushDestination) -> None:
    """Raise CulmError where the registry's answer is a refusal."""
    if answer.status_code != 201:
        raise refusal(answer, place.repository)


def refusal(answer: httpx2.Response, name: str) -> CulmError:
    """Return a registry's refusal in words; a full disk is the likely one on a laptop."""
    try:
        reason = "; ".join(f"{e['code']}: {e.get('message', '')}" for e in answer.json()["errors"])
    except (ValueError, KeyError, TypeError):
        reason = answer.text[:200]
    hint = "is its disk full?" if answer.status_code >= 500 else "does the repository exist, and may you push to it?"
    return CulmError(f"the registry refused {name} with status {answer.status_code}: {reason}", hint)
