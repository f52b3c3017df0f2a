"""Layers that come in parts, for clients that push an image without speaking the registry's protocol.

A session lives in memory, as those of the registry do: it ends with the daemon, and an hour after its last part.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html
"""

from typing import Any

from culm.cluster.services.ecr.manifests import DIGEST
from culm.cluster.services.ecr.repositories import RepositoryInput, named
from culm.cluster.store.ecr import layers
from culm.cluster.wire.operations import Call, LayerParts, operation
from culm.core.model.record import record
from culm.errors import AwsError

PART_BYTES = 10 << 20
"""What clients are told to send at a time; the model takes twice as much."""


@record
class InitiateLayerUploadInput(RepositoryInput):
    pass


@operation("ecr", "InitiateLayerUpload")
def initiate_layer_upload(call: Call, req: InitiateLayerUploadInput) -> dict[str, Any]:
    """Open a session. Raises RepositoryNotFoundException."""
    repository = named(call, req)
    return {"upload_id": _parts(call).begin(repository.repository_name), "part_size": PART_BYTES}


@record
class UploadInput(RepositoryInput):
    upload_id: str


@record
class UploadLayerPartInput(UploadInput):
    part_first_byte: int
    part_last_byte: int
    layer_part_blob: bytes


@operation("ecr", "UploadLayerPart", long=True)
def upload_layer_part(call: Call, req: UploadLayerPartInput) -> dict[str, Any]:
    """Take the part that comes next.

    Raises UploadNotFoundException, InvalidLayerPartException for bytes that do not follow those that are there, and
    InvalidParameterException for a part of another length than it says.
    """
    there = _size(call, req)
    if req.part_first_byte != there:
        raise AwsError(
            "InvalidLayerPartException",
            f"The layer part's first byte is {req.part_first_byte}; the next byte of the upload is {there}",
            registry_id=req.registry_id or call.account,
            repository_name=req.repository_name,
            upload_id=req.upload_id,
            last_valid_byte_received=there - 1,
        )
    length = req.part_last_byte - req.part_first_byte + 1
    if length != len(req.layer_part_blob):
        raise AwsError(
            "InvalidParameterException",
            f"Invalid parameter at 'PartLastByte' failed to satisfy constraint: 'the layer part has "
            f"{len(req.layer_part_blob)} bytes, not {length}'",
        )
    received = _parts(call).append(req.repository_name, req.upload_id, req.layer_part_blob)
    return {**_identity(call, req), "last_byte_received": received - 1}


@record
class CompleteLayerUploadInput(UploadInput):
    layer_digests: tuple[str, ...]


@operation("ecr", "CompleteLayerUpload", long=True)
def complete_layer_upload(call: Call, req: CompleteLayerUploadInput) -> dict[str, Any]:
    """Make what has come a layer of the repository.

    Raises UploadNotFoundException, EmptyUploadException, LayerAlreadyExistsException, and InvalidLayerException where
    the bytes have another digest; the session stays open for that.
    """
    size = _size(call, req)
    if not size:
        raise AwsError("EmptyUploadException", f"The upload with id '{req.upload_id}' contains no layer parts")
    parts = _parts(call)
    for digest in req.layer_digests:
        if not DIGEST.fullmatch(digest):
            raise AwsError(
                "InvalidParameterException",
                f"Invalid parameter at 'layerDigests' failed to satisfy constraint: '{digest} is no digest'",
            )
        actual = parts.digest(req.repository_name, req.upload_id, digest.partition(":")[0])
        if actual != digest:
            raise AwsError(
                "InvalidLayerException", f"The layer digest '{digest}' does not match the uploaded bytes: {actual}"
            )
    digest = req.layer_digests[0]
    if layers.find(call.db, req.repository_name, digest) is not None:
        raise AwsError(
            "LayerAlreadyExistsException",
            f"The layer with digest '{digest}' already exists in the repository with name '{req.repository_name}' in "
            f"the registry with id '{req.registry_id or call.account}'",
        )
    parts.finish(call.db, req.repository_name, req.upload_id, digest)
    return {**_identity(call, req), "layer_digest": digest}


def _identity(call: Call, req: UploadInput) -> dict[str, Any]:
    return {
        "registry_id": req.registry_id or call.account,
        "repository_name": req.repository_name,
        "upload_id": req.upload_id,
    }


def _size(call: Call, req: UploadInput) -> int:
    """Return how many bytes a session has. Raises UploadNotFoundException."""
    repository = named(call, req)
    size = _parts(call).size(repository.repository_name, req.upload_id)
    if size is None:
        raise AwsError(
            "UploadNotFoundException",
            f"The upload with id '{req.upload_id}' does not exist in the repository with name "
            f"'{req.repository_name}' in the registry with id '{repository.registry_id}'; begin the layer again",
        )
    return size


def _parts(call: Call) -> LayerParts:
    if call.layer_parts is None:
        raise AwsError("ServerException", "There is no registry here that layers could be uploaded to.", 500)
    return call.layer_parts
