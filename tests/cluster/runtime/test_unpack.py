import io
import tarfile
from pathlib import Path

import pytest
from tests.cluster.runtime.oci import tar

from culm.cluster.instance.runtime.process.unpack import UnsafeLayer, unpack


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "rootfs"
    root.mkdir()
    return root


def apply(root: Path, *layers: bytes) -> Path:
    for layer in layers:
        file = root.parent / "layer"
        file.write_bytes(layer)
        unpack(file, root)
    return root


def entry(name: str, kind: bytes, target: str = "") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member)
    return data.getvalue()


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_a_later_layer_wins(root: Path):
    apply(root, tar({"app/a": b"old", "app/b": b"kept"}), tar({"app/a": b"new"}))
    assert ((root / "app/a").read_bytes(), (root / "app/b").read_bytes()) == (b"new", b"kept")


def test_programs_can_be_executed(root: Path):
    apply(root, tar({"run.sh": "#!/bin/sh\n", "data": b""}))
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (root / "data").stat().st_mode & 0o777 == 0o644


def test_a_whiteout_deletes_a_file_or_a_folder(root: Path):
    apply(root, tar({"app/a": b"", "app/b": b"", "lib/c": b""}), tar({"app/.wh.a": b"", ".wh.lib": b""}))
    assert files(root) == ["app/b"]


def test_an_opaque_folder_forgets_the_layers_below_but_not_its_own(root: Path):
    apply(root, tar({"app/a": b"", "app/sub/b": b""}), tar({"app/new": b"", "app/.wh..wh..opq": b""}))
    assert files(root) == ["app/new"]


def test_a_file_replaces_a_folder_and_a_folder_a_file(root: Path):
    apply(root, tar({"a/inner": b"", "b": b""}), entry("b", tarfile.DIRTYPE), tar({"a": b"", "b/inner": b""}))
    assert files(root) == ["a", "b/inner"]


def test_an_absolute_link_points_into_the_image(root: Path):
    apply(root, tar({"srv/config": b"inside"}, {"etc/config": "/srv/config"}))
    assert (root / "etc/config").read_bytes() == b"inside"


@pytest.mark.parametrize("name", ["../evil", "app/../../evil"])
def test_an_entry_outside_is_refused(root: Path, name: str):
    with pytest.raises(UnsafeLayer, match="evil"):
        apply(root, tar({name: b"boo"}))
    assert not (root.parent / "evil").exists()


def test_an_absolute_entry_lands_inside(root: Path):
    apply(root, tar({"/etc/evil": b"boo"}))
    assert files(root) == ["etc/evil"]


def test_a_link_that_climbs_too_high_ends_at_the_images_root(root: Path):
    outside = root.parent / "outside"
    outside.mkdir()
    apply(root, tar({}, {"way": "../outside"}), tar({"way/new": b""}))
    assert files(root) == ["outside/new"]
    assert list(outside.iterdir()) == []


def test_an_entry_behind_a_link_to_the_outside_is_refused(root: Path):
    outside = root.parent / "outside"
    outside.mkdir()
    (root / "way").symlink_to(outside)
    for layer in (tar({"way/evil": b"boo"}), tar({"way/.wh.kept": b""})):
        with pytest.raises(UnsafeLayer, match="way/"):
            apply(root, layer)
    assert list(outside.iterdir()) == []


def test_a_hard_link_to_the_outside_is_refused(root: Path):
    (root.parent / "secret").write_text("secret")
    with pytest.raises(UnsafeLayer, match="secret"):
        apply(root, entry("stolen", tarfile.LNKTYPE, "../secret"))


def test_a_hard_link_inside_works(root: Path):
    apply(root, tar({"a": b"same"}), entry("b", tarfile.LNKTYPE, "a"))
    assert (root / "b").read_bytes() == b"same"


@pytest.mark.parametrize("name", ["a/.wh...", ".wh...", "a/.wh..", ".wh..", "a/.wh.", ".wh."])
def test_a_whiteout_never_takes_its_own_folder_or_the_one_above(root: Path, name: str):
    apply(root, tar({"a/b": "kept", "c": "kept"}))
    with pytest.raises(UnsafeLayer, match=r"is a whiteout of no file|outside of the image"):
        apply(root, entry(name, tarfile.REGTYPE))
    assert files(root) == ["a/b", "c"]


def test_a_layer_of_zstd_is_named(root: Path):
    with pytest.raises(UnsafeLayer, match="compressed with zstd"):
        apply(root, b"\x28\xb5\x2f\xfd rest")


def test_devices_are_left_out(root: Path):
    apply(root, entry("dev/mem", tarfile.CHRTYPE), entry("queue", tarfile.FIFOTYPE))
    assert files(root) == []
