"""`culm advise --apply` writes into culm.yml."""

from pathlib import Path

import pytest

from culm.cli.advise import write
from culm.errors import UsageError
from culm.plan.advised import Advice, Edit
from culm.project.load import load

TEXT = """\
name: shop  # ours
targets:
  stg: {provider: aws, instances: 2 x t3.small}  # two
services:
  # what people call
  web: {image: nginx:1, port: 8000, memory: 512}
"""


def advised(*edits: Edit) -> list[Advice]:
    return [Advice(kind="fleet", what="", dollars=1.0, edits=(edit,)) for edit in edits]


def instances(value: str) -> Edit:
    return Edit(path=("targets", "stg", "instances"), value=value)


MEMORY = Edit(path=("services", "web", "memory"), value="96")


def test_what_is_advised_is_written_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "culm.yml"
    path.write_text(TEXT)
    path.chmod(0o640)
    written = write(path, TEXT, advised(instances("1 x t3.small"), MEMORY, instances("1 x t3.micro")))
    assert list(map(str, written)) == ["targets.stg.instances: 1 x t3.micro", "services.web.memory: 96"]
    assert path.read_text() == TEXT.replace("2 x t3.small", "1 x t3.micro").replace("512", "96")
    assert path.stat().st_mode & 0o777 == 0o640
    assert load(path).services["web"].memory == 96


def test_nothing_is_written_where_one_of_the_lines_cannot_be(tmp_path: Path) -> None:
    path = tmp_path / "culm.yml"
    shared = TEXT.replace("  web: {", "  web: &web {") + "  api: *web\n"
    path.write_text(shared)
    with pytest.raises(UsageError, match=r"culm.yml:\d+: services.web.memory cannot be written here by itself"):
        write(path, shared, advised(instances("1 x t3.small"), MEMORY))
    with pytest.raises(UsageError, match="nonsense"):
        write(path, TEXT, advised(instances("nonsense")))
    assert path.read_text() == shared
    assert write(path, TEXT, []) == []
