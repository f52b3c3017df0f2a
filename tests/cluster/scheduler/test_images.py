"""Which image a tag means, and that a deployment keeps to it."""

from typing import Any

import pytest

from culm.cluster.scheduler.images import digest_of, to_pull
from culm.cluster.store.ecr import tags


@pytest.fixture
def repository(world) -> str:
    world.cloud.client("ecr").create_repository(repositoryName="bamboo/web")
    return "bamboo/web"


def tag(world: Any, repository: str, name: str, digest: str) -> None:
    tags.save(world.cloud.db, repository, name, digest)


OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@pytest.fixture(autouse=True)
def images(world, repository):
    world.cloud.db.execute("PRAGMA foreign_keys = OFF")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4566",
        "localhost:9999",
        "169.254.170.2:4566",
        "000000000000.dkr.ecr.us-east-1.amazonaws.com",
    ],
)
def test_a_tag_of_the_local_registry_is_pulled_by_digest_wherever_it_listened_then(world, repository, host):
    tag(world, repository, "1", OLD)
    image = f"{host}/{repository}:1"
    assert digest_of(world.cloud.db, image) == OLD
    assert to_pull(world.cloud.db, image, OLD, "127.0.0.1:4590") == f"127.0.0.1:4590/{repository}@{OLD}"


@pytest.mark.parametrize("image", ["nginx", "nginx:1", "docker.io/library/nginx:1", "127.0.0.1:4566/other:1"])
def test_everybody_else_s_images_are_left_as_they_are(world, image):
    assert digest_of(world.cloud.db, image) is None
    assert to_pull(world.cloud.db, image, None, "127.0.0.1:4590") == image


def test_a_tag_that_is_not_there_is_asked_for_as_it_is(world, repository):
    image = f"127.0.0.1:4566/{repository}:none"
    assert to_pull(world.cloud.db, image, None, "127.0.0.1:4590") == f"127.0.0.1:4590/{repository}:none"


async def test_a_deployment_s_later_tasks_get_the_image_of_its_first(world, repository):
    tag(world, repository, "1", OLD)
    world.register(image=f"127.0.0.1:4566/{repository}:1")
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    tag(world, repository, "1", NEW)
    world.ecs.update_service(service="web", desiredCount=2)
    await world.settle()
    digests = {task["containers"][0]["imageDigest"] for task in world.tasks(serviceName="web")}
    assert digests == {OLD}

    world.ecs.update_service(service="web", forceNewDeployment=True)
    await world.settle()
    arn = world.service()["currentServiceRevisions"][0]["arn"]
    revision = world.ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"][0]
    assert revision["containerImages"][0]["imageDigest"] == NEW
