"""What counts as a change of a service's files."""

from pathlib import Path

from culm.direct import watch


def test_an_edit_while_the_service_starts_is_a_change_and_what_it_writes_itself_is_none(tmp_path: Path) -> None:
    source = tmp_path / "main.go"
    source.write_text("package main\n")
    before = watch.look(tmp_path)
    source.write_text("package main // edited\n")
    (tmp_path / "written.db").write_text("")
    seen = watch.as_started(before, watch.look(tmp_path))
    assert watch.changed(seen, watch.look(tmp_path)) == [str(source)]


def test_a_file_that_is_removed_while_the_service_starts_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    before = watch.look(tmp_path)
    (tmp_path / "a.py").unlink()
    seen = watch.as_started(before, watch.look(tmp_path))
    assert watch.changed(seen, watch.look(tmp_path)) == [str(tmp_path / "a.py")]
