"""Which runtime, and so which builder: Docker when an engine answers and can build the images, else host processes."""

from collections.abc import Iterable
from typing import Literal

from culm.core.model.record import record
from culm.deploy.build.docker import DockerBuilder, base_images
from culm.deploy.build.host import HostBuilder, instructions
from culm.deploy.build.port import Builder, Recipe, Say
from culm.engine.answers import NoEngine
from culm.engine.client import Engine
from culm.errors import CulmError

Runtime = Literal["docker", "process"]


@record
class Choice:
    runtime: Runtime
    why: str


def choose(recipes: Iterable[Recipe], engine: Engine, say: Say) -> Choice:
    """Choose for `--runtime auto`: ask the engine, and pull the base images that it lacks."""
    try:
        version = engine.version()
    except NoEngine as error:
        return Choice(runtime="process", why=error.what)
    if problem := missing_base(recipes, engine, say):
        return Choice(runtime="process", why=f"{version} answers, but {problem}")
    return Choice(runtime="docker", why=f"{version} answers and has the base images")


def demand_docker(recipes: Iterable[Recipe], engine: Engine, say: Say) -> Choice:
    """Choose for `--runtime docker`: the same questions, but a no is an error.

    Raises CulmError, NoEngine among them.
    """
    version = engine.version()
    if problem := missing_base(recipes, engine, say):
        hint = "name a base image that you can pull: CULM_BASE_IMAGE=..., or args: {BASE_IMAGE: ...} in culm.yml"
        raise CulmError(f"{version} answers, but {problem}", hint)
    return Choice(runtime="docker", why=f"{version} answers and has the base images")


def missing_base(recipes: Iterable[Recipe], engine: Engine, say: Say) -> str | None:
    """Return why a base image cannot be had; None when all are there."""
    bases = {
        base: recipe.platform
        for recipe in recipes
        for base in base_images(instructions(recipe.dockerfile), recipe.args)
    }
    for base, platform in bases.items():
        if engine.image_id(base) is None:
            say(f"pulling {base}")
            if problem := engine.pull(base, platform):
                return f"cannot get {base}: {problem}"
    return None


def builder_for(runtime: Runtime, engine: Engine) -> Builder:
    """Return what builds images for a cluster of this runtime."""
    return DockerBuilder(engine) if runtime == "docker" else HostBuilder()
