"""OCI images: the same plan, the same bytes."""

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

from culm.deploy.build import oci
from culm.deploy.build.host import HostBuilder
from culm.deploy.build.port import Recipe


def a_recipe(folder: Path) -> Recipe:
    folder.mkdir()
    (folder / "main.py").write_text("print(1)\n")
    (folder / "link").symlink_to("main.py")
    (folder / "Dockerfile").write_text('FROM base\nCOPY . /app\nCMD ["python3", "/app/main.py"]\n')
    return Recipe(folder=folder, dockerfile=folder / "Dockerfile", args={})


def test_another_copy_of_the_folder_makes_the_same_image(tmp_path: Path) -> None:
    one, other = a_recipe(tmp_path / "one"), a_recipe(tmp_path / "other")
    os.utime(other.folder / "main.py", (1, 1))
    builder = HostBuilder()
    assert oci.image(builder.plan(one, tmp_path)).digest == oci.image(builder.plan(other, tmp_path)).digest
    assert builder.fingerprint(one) == builder.fingerprint(other)


def test_the_fingerprint_follows_files_and_arguments(tmp_path: Path) -> None:
    recipe, builder = a_recipe(tmp_path / "one"), HostBuilder()
    first = builder.fingerprint(recipe)
    argued = builder.fingerprint(Recipe(folder=recipe.folder, dockerfile=recipe.dockerfile, args={"A": "1"}))
    (recipe.folder / "main.py").write_text("print(2)\n")
    assert len({first, argued, builder.fingerprint(recipe)}) == 3


def test_the_manifest_names_each_blob_by_digest_and_size(tmp_path: Path) -> None:
    image = oci.image(HostBuilder().plan(a_recipe(tmp_path / "one"), tmp_path))
    manifest = json.loads(image.manifest)
    described = [manifest["config"], *manifest["layers"]]
    assert {d["digest"]: d["size"] for d in described} == {digest: len(data) for digest, data in image.blobs.items()}
    assert all(oci.sha256(data) == digest for digest, data in image.blobs.items())


def test_layers_unpack_to_the_folders_files(tmp_path: Path) -> None:
    image = oci.image(HostBuilder().plan(a_recipe(tmp_path / "one"), tmp_path))
    manifest = json.loads(image.manifest)
    config = json.loads(image.blobs[manifest["config"]["digest"]])
    archive = gzip.decompress(image.blobs[manifest["layers"][0]["digest"]])
    assert config["rootfs"]["diff_ids"] == [oci.sha256(archive)]
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = {entry.name: entry for entry in tar}
        assert sorted(names) == ["app", "app/Dockerfile", "app/link", "app/main.py"]
        assert names["app/link"].linkname == "main.py"
        assert {entry.mtime for entry in names.values()} == {oci.EPOCH}
        content = tar.extractfile("app/main.py")
        assert content is not None
        assert content.read() == b"print(1)\n"
