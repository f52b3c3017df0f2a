"""Layers, as clients see them that fetch an image without speaking the registry's protocol."""

from typing import Any

from culm.cluster.services.ecr.manifests import DIGEST
from culm.cluster.services.ecr.repositories import RepositoryInput, named
from culm.cluster.store.ecr import layers, tokens
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class BatchCheckLayerAvailabilityInput(RepositoryInput):
    layer_digests: tuple[str, ...]


@operation("ecr", "BatchCheckLayerAvailability")
def batch_check_layer_availability(call: Call, req: BatchCheckLayerAvailabilityInput) -> dict[str, Any]:
    """Say of each layer whether it is there; a digest that is none is in `failures`."""
    named(call, req)
    present: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for digest in req.layer_digests:
        if not DIGEST.fullmatch(digest):
            reason = "Invalid layer digest: it must be sha256 or sha512"
            failures.append({"layer_digest": digest, "failure_code": "InvalidLayerDigest", "failure_reason": reason})
            continue
        size = layers.find(call.db, req.repository_name, digest)
        present.append(
            {
                "layer_digest": digest,
                "layer_availability": "UNAVAILABLE" if size is None else "AVAILABLE",
                "layer_size": size,
            }
        )
    return {"layers": present, "failures": failures}


@record
class GetDownloadUrlForLayerInput(RepositoryInput):
    layer_digest: str


@operation("ecr", "GetDownloadUrlForLayer")
def get_download_url_for_layer(call: Call, req: GetDownloadUrlForLayerInput) -> dict[str, Any]:
    """Return a URL of this cluster's registry that needs no further credentials, as Amazon's presigned ones."""
    repository = named(call, req)
    if layers.find(call.db, req.repository_name, req.layer_digest) is None:
        raise AwsError(
            "LayersNotFoundException",
            f"The layer with digest '{req.layer_digest}' does not exist in the repository with name "
            f"'{req.repository_name}' in the registry with id '{repository.registry_id}'",
        )
    password, _ = tokens.mint(call.db, call.new_id, call.now)
    url = f"{call.endpoint}/v2/{req.repository_name}/blobs/{req.layer_digest}?token={password}"
    return {"download_url": url, "layer_digest": req.layer_digest}
