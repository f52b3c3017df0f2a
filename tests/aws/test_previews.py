"""What `previews: true` adds to a stack: a role for pull requests, and the boundary of what it makes."""

import json
from pathlib import Path

import pytest

from culm.aws.template import template
from culm.errors import UsageError
from culm.project.load import load

TARGET = "provider: aws, region: us-east-1"


def resources(folder: Path, more: str) -> dict[str, object]:
    (folder / "api").mkdir(exist_ok=True)
    (folder / "api" / "Dockerfile").write_text("FROM python\nEXPOSE 8000\n")
    (folder / "culm.yml").write_text(f"name: shop\ntargets: {{stg: {{{TARGET}{more}}}}}\nservices:\n  api:\n")
    project = load(folder / "culm.yml")
    return dict(template(project, project.targets["stg"], "vault").resources)


def test_without_it_a_stack_knows_no_previews(tmp_path: Path) -> None:
    assert {"PreviewRole", "PreviewBoundary"}.isdisjoint(resources(tmp_path, ", github: team/shop"))


def test_its_role_is_for_pull_requests_and_for_main_and_its_boundary_goes_by_tags(tmp_path: Path) -> None:
    made = resources(tmp_path, ", github: team/shop, previews: true")
    role, boundary = json.dumps(made["PreviewRole"], default=str), json.dumps(made["PreviewBoundary"], default=str)
    assert "repo:team/shop:pull_request" in role
    assert "repo:team/shop:ref:refs/heads/main" in role
    assert "${!aws:PrincipalTag/culm:preview}/${!aws:PrincipalTag/culm:service}/*" in boundary


def test_previews_of_no_repository_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="are for the pull requests of which repository"):
        resources(tmp_path, ", previews: true")
