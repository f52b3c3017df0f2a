import pytest


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_image_is_found_by_tag_and_digest(client, method):
    manifest = await client.image()
    digest = client.digest_of(manifest)
    pushed = await client.put("v1", manifest)
    assert (pushed.status_code, pushed.headers["location"]) == (201, f"/v2/web/manifests/{digest}")

    for reference in ("v1", digest):
        answer = await client.http.request(method, f"/v2/web/manifests/{reference}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == client.MANIFEST
        assert answer.headers["docker-content-digest"] == digest
        assert answer.headers["content-length"] == str(len(manifest))
        assert answer.content == (manifest if method == "GET" else b"")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_an_image_is_pushed_by_digest_with_tags(client, algorithm):
    manifest = await client.image()
    digest = client.digest_of(manifest, algorithm)

    pushed = await client.put(digest, manifest, params={"tag": ["v1", "v2"]})

    assert pushed.headers["docker-content-digest"] == digest
    assert pushed.headers.get_list("oci-tag", split_commas=True) == ["v1", "v2"]
    for reference in (digest, "v1", "v2"):
        assert (await client.http.get(f"/v2/web/manifests/{reference}")).content == manifest


async def test_a_manifest_that_is_not_the_digests_is_refused(client):
    answer = await client.put(client.digest_of(b"other"), await client.image())
    assert (answer.status_code, client.error_code(answer)) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("reference", ["v9", "sha256:" + "0" * 64])
async def test_what_is_not_there_is_unknown(client, reference):
    for method in ("GET", "DELETE"):
        answer = await client.http.request(method, f"/v2/web/manifests/{reference}")
        assert (answer.status_code, client.error_code(answer)) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(("reference", "code"), [("sha256:1", "DIGEST_INVALID"), ("-v1", "TAG_INVALID")])
async def test_a_reference_must_be_a_tag_or_a_digest(client, reference, code):
    assert client.error_code(await client.http.get(f"/v2/web/manifests/{reference}")) == code
    assert client.error_code(await client.put(reference, await client.image())) == code


async def test_a_push_needs_a_repository_and_says_how_to_make_it(client):
    for answer in (
        await client.http.post("/v2/other/blobs/uploads/"),
        await client.put("v1", await client.image(), name="other"),
    ):
        assert (answer.status_code, client.error_code(answer)) == (404, "NAME_UNKNOWN")
        assert "The repository with name 'other' does not exist in the registry" in answer.text
        assert "aws ecr create-repository --repository-name other" in answer.text


@pytest.mark.parametrize("name", ["Web", "web//api", "-web"])
async def test_a_name_must_be_one(client, name):
    assert client.error_code(await client.http.get(f"/v2/{name}/tags/list")) == "NAME_INVALID"


async def test_an_image_needs_its_blobs(client):
    config, missing = await client.push_blob(b"{}"), client.digest_of(b"missing")
    layer = {"mediaType": "application/octet-stream", "digest": missing, "size": 7}
    answer = await client.put("v1", client.as_bytes({"config": config, "layers": [layer]}))
    assert (answer.status_code, client.error_code(answer)) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert missing in answer.text


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"},
        {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
        {"mediaType": "application/octet-stream", "urls": ["https://example.com/layer"]},
    ],
)
async def test_layers_from_elsewhere_need_not_be_here(client, elsewhere):
    config = await client.push_blob(b"{}")
    layer = {"digest": client.digest_of(b"elsewhere"), "size": 9, **elsewhere}
    assert (await client.put("v1", client.as_bytes({"config": config, "layers": [layer]}))).status_code == 201


async def test_an_index_needs_its_images_and_keeps_them(client):
    manifest = await client.image()
    digest = client.digest_of(manifest)
    listed = {"mediaType": client.MANIFEST, "digest": digest, "size": len(manifest)}
    index = client.as_bytes({"mediaType": client.INDEX, "manifests": [listed]})
    assert client.error_code(await client.put("all", index)) == "MANIFEST_BLOB_UNKNOWN"

    await client.put(digest, manifest)
    assert (await client.put("all", index)).status_code == 201

    kept = await client.http.delete(f"/v2/web/manifests/{digest}")
    assert (kept.status_code, client.error_code(kept)) == (405, "UNSUPPORTED")
    assert (await client.http.delete(f"/v2/web/manifests/{client.digest_of(index)}")).status_code == 202
    assert (await client.http.delete(f"/v2/web/manifests/{digest}")).status_code == 202


async def test_a_manifest_must_be_what_it_is_sent_as(client):
    answer = await client.http.put(
        "/v2/web/manifests/v1", content=await client.image(), headers={"Content-Type": client.INDEX}
    )
    assert (answer.status_code, client.error_code(answer)) == (400, "MANIFEST_INVALID")
    assert "it was sent as" in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"schemaVersion": 2, "config": {"digest": "x", "size": 1}, "layers": []}']
)
async def test_what_is_no_manifest_is_refused(client, body):
    answer = await client.http.put("/v2/web/manifests/v1", content=body)
    assert (answer.status_code, client.error_code(answer)) == (400, "MANIFEST_INVALID")


async def test_a_manifest_may_be_big_but_not_huge(client):
    big = await client.image(annotations={"filler": "x" * (4 << 20)})
    assert (await client.put("big", big)).status_code == 201
    assert (await client.http.get("/v2/web/manifests/big")).content == big

    huge = await client.put("huge", await client.image(annotations={"filler": "x" * (8 << 20)}))
    assert (huge.status_code, client.error_code(huge)) == (413, "SIZE_INVALID")


async def test_a_tag_moves_and_the_older_image_stays(client):
    old, new = await client.image("old"), await client.image("new")
    await client.put("latest", old)
    await client.put("latest", new)
    assert (await client.http.get("/v2/web/manifests/latest")).content == new
    assert (await client.http.get(f"/v2/web/manifests/{client.digest_of(old)}")).content == old


async def test_a_tag_of_an_immutable_repository_stays(client):
    await client.create("web", image_tag_mutability="IMMUTABLE")
    manifest = await client.image()
    assert (await client.put("v1", manifest)).status_code == 201
    assert (await client.put("v1", manifest)).status_code == 201

    answer = await client.put("v1", await client.image("other"))

    assert (answer.status_code, client.error_code(answer)) == (400, "TAG_INVALID")
    assert "cannot be overwritten because the repository is immutable" in answer.text
    assert (await client.http.get("/v2/web/manifests/v1")).content == manifest


async def test_deleting_a_tag_leaves_the_image(client):
    manifest = await client.image()
    await client.put("v1", manifest)
    assert (await client.http.delete("/v2/web/manifests/v1")).status_code == 202
    assert (await client.http.get("/v2/web/manifests/v1")).status_code == 404
    assert (await client.http.get(f"/v2/web/manifests/{client.digest_of(manifest)}")).status_code == 200


async def test_deleting_an_image_takes_its_tags(client):
    manifest = await client.image()
    await client.put("v1", manifest)
    assert (await client.http.delete(f"/v2/web/manifests/{client.digest_of(manifest)}")).status_code == 202
    assert (await client.http.get("/v2/web/tags/list")).json() == {"name": "web", "tags": []}


async def test_tags_are_listed_in_order_and_pages(client):
    manifest = await client.image()
    for tag in ("b", "a", "B", "c"):
        await client.put(tag, manifest)

    async def tags(**asked):
        return (await client.http.get("/v2/web/tags/list", params=asked)).json()["tags"]

    assert await tags() == ["B", "a", "b", "c"]
    assert await tags(last="a") == ["b", "c"]
    assert await tags(n=2, last="B") == ["a", "b"]
    assert await tags(n=0) == []

    seen, link = [], "/v2/web/tags/list?n=3"
    while link:
        page = await client.http.get(link)
        seen.append(page.json()["tags"])
        link = page.links.get("next", {}).get("url")
    assert seen == [["B", "a", "b"], ["c"]]


async def test_a_page_size_must_be_a_number(client):
    answer = await client.http.get("/v2/web/tags/list", params={"n": "-1"})
    assert client.error_code(answer) == "PAGINATION_NUMBER_INVALID"


async def test_referrers_are_found_before_and_after_their_subject(client):
    subject = await client.image("subject")
    about = {"mediaType": client.MANIFEST, "digest": client.digest_of(subject), "size": len(subject)}
    kinds = {"sbom": "application/example.sbom", "signature": "application/example.signature"}
    referrers = {
        name: await client.image(name, subject=about, artifactType=kind, annotations={"is": name})
        for name, kind in kinds.items()
    }
    pushed = await client.put("sbom", referrers["sbom"])
    assert pushed.headers["oci-subject"] == about["digest"]
    await client.put("v1", subject)
    await client.put("signature", referrers["signature"])

    answer = await client.http.get(f"/v2/web/referrers/{about['digest']}")
    assert answer.headers["content-type"] == client.INDEX
    assert answer.json()["manifests"] == [
        {
            "mediaType": client.MANIFEST,
            "digest": client.digest_of(manifest),
            "size": len(manifest),
            "artifactType": kinds[name],
            "annotations": {"is": name},
        }
        for name, manifest in sorted(referrers.items(), key=lambda item: client.digest_of(item[1]))
    ]

    filtered = await client.http.get(f"/v2/web/referrers/{about['digest']}", params={"artifactType": kinds["sbom"]})
    assert filtered.headers["oci-filters-applied"] == "artifactType"
    assert [m["annotations"]["is"] for m in filtered.json()["manifests"]] == ["sbom"]


async def test_what_nothing_refers_to_has_an_empty_list_of_referrers(client):
    answer = await client.http.get(f"/v2/web/referrers/{client.digest_of(b'nothing')}")
    assert (answer.status_code, answer.json()["manifests"]) == (200, [])
    assert client.error_code(await client.http.get("/v2/web/referrers/sha256:1")) == "DIGEST_INVALID"


async def test_an_artifact_is_of_the_type_of_its_configuration_if_it_does_not_say(client):
    subject = client.digest_of(b"subject")
    about = {"mediaType": client.MANIFEST, "digest": subject, "size": 1}
    await client.put("v1", await client.image(subject=about))
    (found,) = (await client.http.get(f"/v2/web/referrers/{subject}")).json()["manifests"]
    assert found["artifactType"] == "application/octet-stream"


async def test_repositories_are_listed(client):
    await client.create("api")
    assert (await client.http.get("/v2/_catalog")).json() == {"repositories": ["api", "web"]}


async def test_other_methods_and_paths_are_refused(client):
    assert client.error_code(await client.http.post("/v2/web/tags/list")) == "UNSUPPORTED"
    assert (await client.http.get("/v2/web/nothing")).status_code == 404
