"""Images that a project publishes itself: `culm init` builds them from what is there."""

from pathlib import Path

import pytest
import yaml

from culm.scaffold.draft import Draft
from culm.scaffold.first_manifest import first_manifest

SERVER = 'FROM base\nEXPOSE 8080\nCMD ["serve"]\n'


def built(root: Path, dockerfiles: list[str], images: dict[str, str]) -> dict[str, str]:
    """Return by service what it is built from, or its ready image."""
    for name in dockerfiles:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(SERVER)
    services = {name: {"image": image, "ports": ["8080:8080"]} for name, image in images.items()}
    (root / "compose.yml").write_text(yaml.safe_dump({"services": services}))
    text = first_manifest(root, Draft(name="shop"), {}).draft.text()
    written = yaml.safe_load(text)["services"]
    for name, image in images.items():
        assert (f"{name} is built from its Dockerfile" in text) == ("build" in written[name])
        assert "image" not in written[name] or written[name]["image"] == image
    return {name: str(block.get("build") or block.get("image")) for name, block in written.items()}


@pytest.mark.parametrize(
    ("dockerfiles", "images", "expected"),
    [
        (["Dockerfile"], {"web": "ghcr.io/ada/shop:latest"}, {"web": "."}),
        (["Dockerfile"], {"web": "ada/pets"}, {"web": "."}),
        (["web/Dockerfile", "api/Dockerfile"], {"a": "ada/shop-web", "b": "ada/shop-api:2"}, {"a": "web", "b": "api"}),
        (["web/Dockerfile"], {"a": "ada/shop-web", "b": "ada/shop-api"}, {"a": "web", "b": "ada/shop-api"}),
    ],
)
def test_an_image_of_the_project_s_own_is_built(tmp_path, dockerfiles, images, expected):
    (tmp_path / "shop").mkdir()
    assert built(tmp_path / "shop", dockerfiles, images) == expected


@pytest.mark.parametrize("image", ["adminer", "axllent/mailpit", "docker.io/library/rabbitmq:3", "dpage/pgadmin4"])
def test_a_program_that_everybody_knows_is_none_of_it(tmp_path, image):
    (tmp_path / "shop").mkdir()
    assert built(tmp_path / "shop", ["Dockerfile"], {"tool": image})["tool"] == image
