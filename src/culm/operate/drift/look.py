"""Looks at a target for `culm diff`: what a deploy looks at, and what only a stranger would have put there."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from culm.deploy.images import Images, known_images
from culm.operate.drift.live import LiveRole, LiveState
from culm.plan.observed import Described, Observed
from culm.project.project import Project
from culm.target.clock import now
from culm.target.connection import Target
from culm.target.observe import groups_behind, or_none
from culm.target.survey import survey


def look(target: Target, project: Project, images: Images | None) -> LiveState:
    """Read the target for a comparison. Without `images`, live ones are not compared with the folders."""
    surveyed = survey(target, project)
    with ThreadPoolExecutor(max_workers=8) as pool:
        known = pool.submit(known_images, project, list(project.everything), surveyed, images) if images else None
        gone = pool.submit(missing_images, target, surveyed.observed)
        groups = pool.submit(attached_groups, target, surveyed.observed)
        names = surveyed.observed.roles
        roles = dict(zip(names, pool.map(lambda name: role(target, name), names), strict=True))
        return LiveState(
            survey=surveyed,
            images=known.result() if known else None,
            gone=gone.result(),
            roles=roles,
            attached_groups=groups.result(),
            now=now(),
        )


def missing_images(target: Target, live: Observed) -> frozenset[str]:
    """Return the live services' images that no new task could pull."""
    repositories = {uri: name for name, uri in live.repositories.items()}
    images = {c["image"] for d in live.task_definitions.values() for c in d["containerDefinitions"]}
    ecr = target.client("ecr")

    def is_gone(image: str) -> bool:
        uri, _, digest = image.partition("@")
        if uri not in repositories or not digest:
            return False
        wanted = [{"imageDigest": digest}]
        answer = or_none(
            lambda: ecr.describe_images(repositoryName=repositories[uri], imageIds=wanted)["imageDetails"],
            "ImageNotFoundException",
        )
        return not answer

    return frozenset(image for image in images if is_gone(image))


def attached_groups(target: Target, live: Observed) -> Sequence[Described]:
    """Return the target groups of the project's load balancer; none where there is no load balancer."""
    if live.load_balancer is None:
        return ()
    return groups_behind(target, live.load_balancer["LoadBalancerArn"])


def role(target: Target, name: str) -> LiveRole:
    """Return a role's trust and the names of its policies. Raises NoSuchEntity when it is gone."""
    iam = target.client("iam")
    inline = iam.get_paginator("list_role_policies").paginate(RoleName=name)
    attached = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    return LiveRole(
        trust=iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"],
        inline=frozenset(policy for page in inline for policy in page["PolicyNames"]),
        attached=frozenset(policy["PolicyArn"] for page in attached for policy in page["AttachedPolicies"]),
    )
