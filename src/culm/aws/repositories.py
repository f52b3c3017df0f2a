"""Image repositories, for services' images and for their migrations'. They outlive the stack. Pure."""

import json

from culm import render
from culm.aws.document import Ref, Section, kept, logical
from culm.project.project import Project

KEPT_IMAGES = 30
UNTAGGED_DAYS = 1


def section(project: Project) -> Section:
    resources = {}
    for name in render.repositories(project):
        resources[f"ImagesOf{logical(name.partition('/')[2])}"] = kept(
            "ECR::Repository",
            {
                "RepositoryName": name,
                # a tag is the fingerprint of what an image was made from: it never moves
                "ImageTagMutability": "IMMUTABLE",
                "ImageScanningConfiguration": {"ScanOnPush": True},
                "LifecyclePolicy": {"LifecyclePolicyText": Ref("ImageLifecycle")},
            },
        )
    return Section(
        title=f"Images: scanned when they are pushed; the newest {KEPT_IMAGES} of each are kept.\n"
        "They outlive this stack.",
        resources=resources,
    )


def parameters(project: Project) -> dict[str, dict[str, str]]:
    """Return the parameter for all repositories, as a template may have 51,200 bytes.

    Empty where every image is a ready one.
    """
    if not render.repositories(project):
        return {}
    described = {"Type": "String", "Description": "Which images repositories let go", "Default": lifecycle()}
    return {"ImageLifecycle": described}


def lifecycle() -> str:
    """Return which images repositories let go.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    newest = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES}
    rules = [
        rule(1, "what no tag names any more", untagged | {"countNumber": UNTAGGED_DAYS}),
        rule(2, f"all but the newest {KEPT_IMAGES}", newest),
    ]
    return json.dumps({"rules": rules})


def rule(priority: int, description: str, selection: dict[str, object]) -> dict[str, object]:
    return {
        "rulePriority": priority,
        "description": description,
        "selection": selection,
        "action": {"type": "expire"},
    }
