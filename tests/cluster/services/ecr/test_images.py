import json

import pytest

from culm.cluster.services.ecr import manifests


def test_an_image_is_described_after_its_push(cloud, web):
    digest = web.push("a", tag="v1")

    (image,) = web.ecr.describe_images(repositoryName="web")["imageDetails"]

    assert image["imageDigest"] == digest
    assert image["imageTags"] == ["v1"]
    assert image["imageSizeInBytes"] == len("config a") + len("layer a")
    assert image["imagePushedAt"].timestamp() == cloud.now
    assert image["imageManifestMediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert "lastRecordedPullTime" not in image


def test_a_manifest_comes_back_byte_for_byte(web):
    manifest = web.manifest("a") + "\n"
    digest = web.put(manifest, tag="v1")

    found = web.ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "v1"}])["images"]

    assert [image["imageManifest"] for image in found] == [manifest]
    assert found[0]["imageId"] == {"imageDigest": digest, "imageTag": "v1"}


def test_a_pull_is_recorded(cloud, web):
    digest = web.push("a")
    cloud.clock.advance(60)
    web.ecr.batch_get_image(repositoryName="web", imageIds=[{"imageDigest": digest}])

    (image,) = web.ecr.describe_images(repositoryName="web")["imageDetails"]

    assert image["lastRecordedPullTime"].timestamp() == cloud.now


def test_an_image_needs_its_layers(web):
    manifest = web.manifest("a").replace(web.digest_of("layer a"), web.digest_of("other"))
    with pytest.raises(web.ecr.exceptions.LayersNotFoundException, match=web.digest_of("other")):
        web.put(manifest)


def test_an_index_needs_its_images(web):
    missing = web.digest_of("no image")
    with pytest.raises(web.ecr.exceptions.ReferencedImagesNotFoundException, match=missing):
        web.put(web.index(missing))


def test_an_image_and_tag_that_are_there_are_not_put_again(web):
    manifest = web.manifest("a")
    digest = web.put(manifest, tag="v1")
    with pytest.raises(web.ecr.exceptions.ImageAlreadyExistsException, match=f"'{digest}' and tag 'v1' already exists"):
        web.put(manifest, tag="v1")
    assert web.put(manifest, tag="v2") == digest
    assert web.listed() == {(digest, "v1"), (digest, "v2")}


def test_a_tag_moves_to_the_newer_image(web):
    old, new = web.push("a", tag="latest"), web.push("b", tag="latest")
    assert web.listed() == {(old, None), (new, "latest")}


def test_a_tag_of_an_immutable_repository_stays(web):
    web.ecr.put_image_tag_mutability(repositoryName="web", imageTagMutability="IMMUTABLE")
    old = web.push("a", tag="v1")
    with pytest.raises(web.ecr.exceptions.ImageTagAlreadyExistsException, match="'v1' already exists in the 'web'"):
        web.push("b", tag="v1")
    assert web.listed() == {(old, "v1")}


@pytest.mark.parametrize(
    ("mutability", "moves"), [("IMMUTABLE_WITH_EXCLUSION", {"dev-1"}), ("MUTABLE_WITH_EXCLUSION", {"v1"})]
)
def test_exclusions_turn_mutability_round(web, mutability, moves):
    web.ecr.put_image_tag_mutability(
        repositoryName="web",
        imageTagMutability=mutability,
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
    )
    moved = set()
    for tag in ("v1", "dev-1"):
        web.push("a", tag=tag)
        try:
            web.push("b", tag=tag)
            moved.add(tag)
        except web.ecr.exceptions.ImageTagAlreadyExistsException:
            pass
    assert moved == moves


def test_a_digest_that_is_not_the_manifests_is_refused(web):
    with pytest.raises(web.ecr.exceptions.ImageDigestDoesNotMatchException, match="The digest of the image manifest"):
        web.ecr.put_image(repositoryName="web", imageManifest=web.manifest("a"), imageDigest=web.digest_of("b"))


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ("{", "not an image manifest"),
        ('{"schemaVersion": 1}', "schemaVersion 1 is not supported"),
        ('{"schemaVersion": 2, "mediaType": "text/plain"}', "text/plain is none of"),
        ('{"schemaVersion": 2, "layers": []}', "needs config and layers"),
    ],
)
def test_what_is_no_manifest_is_refused(web, manifest, why):
    with pytest.raises(web.ecr.exceptions.InvalidParameterException, match=f"'ImageManifest'.*{why}"):
        web.put(manifest)


def test_a_manifest_without_its_media_type_is_taken_when_the_call_says_it(web):
    bare = {k: v for k, v in json.loads(web.manifest("a")).items() if k != "mediaType"}
    given = {"repositoryName": "web", "imageManifest": json.dumps(bare)}
    with pytest.raises(
        web.ecr.exceptions.InvalidParameterException, match="mediatype not provided in manifest or parameter"
    ):
        web.ecr.put_image(**given)
    image = web.ecr.put_image(**given, imageManifestMediaType=manifests.OCI_MANIFEST)["image"]
    assert image["imageManifestMediaType"] == manifests.OCI_MANIFEST


def test_images_are_listed_by_tag_status(web):
    tagged, untagged = web.push("a", tag="v1"), web.push("b")

    def digests(status):
        listed = web.ecr.list_images(repositoryName="web", filter={"tagStatus": status})["imageIds"]
        return {each["imageDigest"] for each in listed}

    assert digests("TAGGED") == {tagged}
    assert digests("UNTAGGED") == {untagged}
    assert digests("ANY") == {tagged, untagged}


def test_only_the_images_asked_for_are_described(web):
    web.push("a", tag="v1")
    digest = web.push("b", tag="v2")
    (image,) = web.ecr.describe_images(repositoryName="web", imageIds=[{"imageTag": "v2"}])["imageDetails"]
    assert image["imageDigest"] == digest


def test_an_image_that_is_not_there_is_named(web):
    text = "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository"
    with pytest.raises(web.ecr.exceptions.ImageNotFoundException, match=text):
        web.ecr.describe_images(repositoryName="web", imageIds=[{"imageTag": "v9"}])


def test_what_cannot_be_fetched_is_told_one_by_one(web):
    digest = web.push("a", tag="v1")
    answer = web.ecr.batch_get_image(
        repositoryName="web",
        imageIds=[
            {"imageTag": "v9"},
            {"imageDigest": "sha256:1"},
            {"imageDigest": web.digest_of("b")},
            {},
            {"imageTag": "v1", "imageDigest": web.digest_of("b")},
            {"imageTag": "v1", "imageDigest": digest},
        ],
    )
    assert [failure["failureCode"] for failure in answer["failures"]] == [
        "ImageNotFound",
        "InvalidImageDigest",
        "ImageNotFound",
        "MissingDigestAndTag",
        "ImageTagDoesNotMatchDigest",
    ]
    assert len(answer["images"]) == 1


def test_an_image_of_a_type_not_accepted_is_not_found(web):
    web.push("a", tag="v1")
    accepted = ["application/vnd.oci.image.manifest.v1+json"]
    asked = {"repositoryName": "web", "imageIds": [{"imageTag": "v1"}], "acceptedMediaTypes": accepted}
    assert web.ecr.batch_get_image(**asked)["failures"][0]["failureCode"] == "ImageNotFound"


def delete(web, *ids):
    return web.ecr.batch_delete_image(repositoryName="web", imageIds=list(ids))


def test_deleting_a_tag_leaves_the_image_under_its_other_tag(web):
    manifest = web.manifest("a")
    digest = web.put(manifest, tag="v1")
    web.put(manifest, tag="v2")

    assert delete(web, {"imageTag": "v1"})["imageIds"] == [{"imageDigest": digest, "imageTag": "v1"}]
    assert web.listed() == {(digest, "v2")}

    delete(web, {"imageTag": "v2"})
    assert web.listed() == set()


def test_deleting_by_digest_takes_every_tag(web):
    manifest = web.manifest("a")
    digest = web.put(manifest, tag="v1")
    web.put(manifest, tag="v2")
    deleted = delete(web, {"imageDigest": digest})["imageIds"]
    assert deleted == [{"imageDigest": digest, "imageTag": tag} for tag in ("v1", "v2")]
    assert web.listed() == set()


def test_an_image_that_an_index_lists_goes_with_it_only(web):
    image = web.push("a")
    index = web.put(web.index(image), tag="v1")

    (failure,) = delete(web, {"imageDigest": image})["failures"]
    assert failure["failureCode"] == "ImageReferencedByManifestList"
    assert index in failure["failureReason"]

    assert delete(web, {"imageDigest": image}, {"imageDigest": index})["failures"] == []
    assert web.listed() == set()


def test_deleting_what_is_not_there_is_told(web):
    (failure,) = delete(web, {"imageTag": "v1"})["failures"]
    assert failure["failureReason"] == "Requested image not found"


def test_layers_are_looked_up(web):
    web.layer("here")
    here, missing = web.digest_of("here"), web.digest_of("missing")

    answer = web.ecr.batch_check_layer_availability(repositoryName="web", layerDigests=[here, missing, "sha256:1"])

    assert answer["layers"] == [
        {"layerDigest": here, "layerAvailability": "AVAILABLE", "layerSize": 4},
        {"layerDigest": missing, "layerAvailability": "UNAVAILABLE"},
    ]
    assert answer["failures"][0]["failureCode"] == "InvalidLayerDigest"


def test_a_layer_that_is_not_there_has_no_url(web):
    with pytest.raises(web.ecr.exceptions.LayersNotFoundException, match="does not exist in the repository"):
        web.ecr.get_download_url_for_layer(repositoryName="web", layerDigest=web.digest_of("missing"))
