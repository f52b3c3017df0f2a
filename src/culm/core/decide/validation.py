"""Find settings that ECS accepts although they can never work."""

from culm.core.decide.roster import limits
from culm.core.model.services import Service


def dead_configuration(service: Service) -> str | None:
    """Return why the two percentages forbid every roll of the service, or None when they do not.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
    """
    daemon = service.primary if service.scheduling_strategy == "DAEMON" else None
    desired = daemon.desired_count if daemon else service.desired_count
    floor, ceiling = limits(service, desired)
    if not desired or floor < desired or ceiling > desired:
        return None
    configuration = service.deployment_configuration
    return (
        f"minimumHealthyPercent {configuration.minimum_healthy_percent} of {desired} rounds up to {floor} and "
        f"maximumPercent {configuration.maximum_percent} of {desired} rounds down to {ceiling}: "
        "no task may be stopped and none started, so no deployment can ever finish"
    )
