"""Layers in parts: boto3's genuine client pushes a whole image with no other API than ECR's own."""

import hashlib
import json
import urllib.request

import boto3
import pytest
from tests.serving import served

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}


@pytest.fixture
def ecr(tmp_path):
    with served(tmp_path) as endpoint:
        client = boto3.client("ecr", endpoint_url=endpoint, region_name="us-east-1", **KEYS)
        client.create_repository(repositoryName="web")
        yield client


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def begun(ecr):
    return ecr.initiate_layer_upload(repositoryName="web")["uploadId"]


def sent(ecr, upload, first, data):
    return ecr.upload_layer_part(
        repositoryName="web",
        uploadId=upload,
        partFirstByte=first,
        partLastByte=first + len(data) - 1,
        layerPartBlob=data,
    )["lastByteReceived"]


def completed(ecr, upload, *digests):
    return ecr.complete_layer_upload(repositoryName="web", uploadId=upload, layerDigests=list(digests))


def pushed(ecr, *parts):
    upload, first = begun(ecr), 0
    for part in parts:
        assert sent(ecr, upload, first, part) == first + len(part) - 1
        first += len(part)
    return completed(ecr, upload, digest_of(b"".join(parts)))["layerDigest"]


def test_an_image_of_layers_in_parts_can_be_put_and_fetched(ecr):
    part_size = ecr.initiate_layer_upload(repositoryName="web")["partSize"]
    first, last = b"a" * part_size, b"the end"
    layer, config = pushed(ecr, first, last), pushed(ecr, b"{}")
    blobs = [(config, 2), (layer, part_size + len(last))]
    described = [{"mediaType": "application/octet-stream", "digest": d, "size": size} for d, size in blobs]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    ecr.put_image(repositoryName="web", imageManifest=json.dumps(manifest), imageTag="1")
    (image,) = ecr.describe_images(repositoryName="web", imageIds=[{"imageTag": "1"}])["imageDetails"]
    assert image["imageSizeInBytes"] >= part_size
    url = ecr.get_download_url_for_layer(repositoryName="web", layerDigest=layer)["downloadUrl"]
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert digest_of(answer.read()) == layer


def test_parts_come_in_order_and_are_as_long_as_they_say(ecr):
    upload = begun(ecr)
    sent(ecr, upload, 0, b"abc")
    with pytest.raises(ecr.exceptions.InvalidLayerPartException, match="next byte of the upload is 3") as refused:
        sent(ecr, upload, 5, b"def")
    assert refused.value.response["lastValidByteReceived"] == 2
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="has 3 bytes, not 8"):
        ecr.upload_layer_part(
            repositoryName="web", uploadId=upload, partFirstByte=3, partLastByte=10, layerPartBlob=b"def"
        )


def test_a_layer_is_what_its_digest_says_and_is_there_once(ecr):
    upload = begun(ecr)
    with pytest.raises(ecr.exceptions.EmptyUploadException):
        completed(ecr, upload, digest_of(b"abc"))
    sent(ecr, upload, 0, b"abc")
    with pytest.raises(ecr.exceptions.InvalidLayerException, match="does not match"):
        completed(ecr, upload, digest_of(b"abd"))
    completed(ecr, upload, digest_of(b"abc"))
    with pytest.raises(ecr.exceptions.UploadNotFoundException, match="begin the layer again"):
        sent(ecr, upload, 3, b"d")
    with pytest.raises(ecr.exceptions.LayerAlreadyExistsException):
        pushed(ecr, b"abc")


def test_a_session_is_of_one_repository(ecr):
    ecr.create_repository(repositoryName="api")
    upload = begun(ecr)
    with pytest.raises(ecr.exceptions.UploadNotFoundException):
        ecr.complete_layer_upload(repositoryName="api", uploadId=upload, layerDigests=[digest_of(b"abc")])
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.initiate_layer_upload(repositoryName="nowhere")
