"""What is stored for a project and used by nothing: images, and lines of logs. Pure."""

from culm.plan.advised import LEAST_DOLLARS, Advice, Situation
from culm.plan.bill import PriceList
from culm.project.project import Project
from culm.render import log_group

KEPT_IMAGES = 5
"""The newest of a repository: to go back to."""
GIGABYTE = 1e9


def images(observed: Situation, prices: PriceList) -> list[Advice]:
    """Return the repositories with images that nothing runs, behind the newest few, which one may go back to."""
    given = []
    for repository in sorted({image.repository for image in observed.images}):
        own = [image for image in observed.images if image.repository == repository]
        older = sorted(own, key=lambda image: image.pushed_at, reverse=True)[KEPT_IMAGES:]
        idle = [image for image in older if image.digest not in observed.running]
        size = sum(image.size for image in idle)
        dollars = size / GIGABYTE * prices.monthly.ecr_gb
        if dollars < LEAST_DOLLARS:
            continue
        ids = " ".join(f"imageDigest={image.digest}" for image in idle)
        given.append(
            Advice(
                kind="images",
                what=f"{len(idle)} images of {repository} run nowhere and are not among its newest {KEPT_IMAGES}: "
                f"{size / GIGABYTE:.1f} GB at most (layers that others have stay)",
                dollars=dollars,
                command=f"aws ecr batch-delete-image --repository-name {repository} --image-ids {ids}",
                risk=f"culm rollback reaches back {KEPT_IMAGES} images",
                estimated=True,
            )
        )
    return given


def logs(project: Project, observed: Situation, prices: PriceList) -> list[Advice]:
    """Return the log groups of services and jobs that culm.yml does not name and that nothing runs any more."""
    written = {log_group(project, service) for service in project.everything.values()}
    live = {service["serviceName"] for service in observed.survey.services}
    given = []
    for group in observed.logs:
        dollars = group.size / GIGABYTE * prices.monthly.logs_stored_gb
        if group.name in written or group.name.rpartition("/")[2] in live or dollars < LEAST_DOLLARS:
            continue
        given.append(
            Advice(
                kind="logs",
                what=f"nothing writes to {group.name} any more: {group.size / GIGABYTE:.1f} GB are kept",
                dollars=dollars,
                command=f"aws logs delete-log-group --log-group-name {group.name}",
                risk="its lines are gone",
            )
        )
    return given
