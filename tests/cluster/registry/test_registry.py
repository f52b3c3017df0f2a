import json

from culm.cluster.registry.registry import GRACE_SECONDS
from culm.cluster.store.ecr import repositories
from culm.core.model.repositories import Repository


async def delete(client, manifest):
    answer = await client.http.delete(f"/v2/web/manifests/{client.digest_of(manifest)}")
    assert answer.status_code == 202


def layer_of(client, text):
    return client.digest_of(b"layer" + text.encode())


async def test_blobs_that_no_image_needs_any_more_are_removed(client):
    old, new = await client.image("old"), await client.image("new")
    await client.put("old", old)
    await client.put("new", new)
    await delete(client, old)
    client.now += GRACE_SECONDS + 1

    assert await client.registry.sweep() == 2
    assert await client.registry.sweep() == 0

    assert client.blobs_on_disk() == {layer_of(client, "new"), client.digest_of(b"{}new")}
    assert (await client.http.get(f"/v2/web/blobs/{layer_of(client, 'old')}")).status_code == 404


async def test_a_layer_that_another_image_needs_stays(client):
    manifest = await client.image("shared")
    other = manifest.replace(b'"schemaVersion": 2', b'"schemaVersion":  2')
    await client.put("v1", manifest)
    await client.put("v2", other)
    await delete(client, manifest)
    client.now += GRACE_SECONDS + 1

    assert await client.registry.sweep() == 0
    assert layer_of(client, "shared") in client.blobs_on_disk()


async def test_a_push_that_is_under_way_keeps_its_layers(client):
    blob = await client.push_blob(b"early")
    client.now += GRACE_SECONDS
    await client.http.head(f"/v2/web/blobs/{blob['digest']}")  # another push relies on it
    client.now += GRACE_SECONDS

    assert await client.registry.sweep() == 0
    client.now += 1
    assert await client.registry.sweep() == 1


async def test_a_deleted_repositorys_blobs_go_at_once_but_for_those_mounted_elsewhere(client):
    await client.create("other")
    shared, own = await client.push_blob(b"shared"), await client.push_blob(b"own")
    await client.http.post("/v2/other/blobs/uploads/", params={"mount": shared["digest"], "from": "web"})

    await client.store.run(lambda db: repositories.delete(db, "web"))

    assert await client.registry.sweep() == 1
    assert client.blobs_on_disk() == {shared["digest"]}
    assert own["digest"] not in client.blobs_on_disk()


async def test_lifecycle_policies_are_done_by_the_sweep(client):
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    await client.put("v1", await client.image("old"))
    client.now += GRACE_SECONDS + 1
    await client.put("v2", await client.image("new"))

    def keep_one(db):
        web = repositories.find(db, "web")
        fields = {name: getattr(web, name) for name in Repository.__dataclass_fields__}
        policy = json.dumps({"rules": [rule]})
        repositories.save(db, Repository(**{**fields, "lifecycle_policy_text": policy}))

    await client.store.run(keep_one)

    assert await client.registry.sweep() == 3
    assert (await client.http.get("/v2/web/tags/list")).json()["tags"] == ["v2"]
    assert layer_of(client, "old") not in client.blobs_on_disk()


async def test_an_idle_upload_is_dropped(client):
    location = (await client.http.post("/v2/web/blobs/uploads/")).headers["location"]
    client.now += GRACE_SECONDS
    await client.registry.sweep()
    assert (await client.http.patch(location, content=b"x")).status_code == 202
    client.now += GRACE_SECONDS + 1
    await client.registry.sweep()
    assert (await client.http.get(location)).status_code == 404
    assert client.uploads_on_disk() == []


async def test_images_outlive_the_daemon_and_what_it_left_half_done_does_not(client):
    manifest = await client.image("kept")
    await client.put("v1", manifest)
    begun = await client.http.post("/v2/web/blobs/uploads/")
    await client.http.patch(begun.headers["location"], content=b"torn")
    orphan = client.registry.files.blob(client.digest_of(b"orphan"))
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"orphan")

    await client.restart()
    await client.log_in()

    assert (await client.http.get("/v2/web/manifests/v1")).content == manifest
    assert (await client.http.get(f"/v2/web/blobs/{layer_of(client, 'kept')}")).content == b"layerkept"
    assert (await client.http.get(begun.headers["location"])).status_code == 404
    assert client.uploads_on_disk() == []
    assert not orphan.exists()
