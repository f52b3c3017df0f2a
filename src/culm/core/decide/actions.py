"""What a decision can ask for. Each action says why; applying one twice does no more than applying it once."""

from culm.core.model.record import record
from culm.core.model.services import Service
from culm.core.model.tasks import StopCode


@record
class StartTask:
    """Place a new task of a service on an instance: PROVISIONING, desired RUNNING, `started_by` its deployment."""

    service_arn: str
    deployment_id: str
    task_definition: str
    container_instance_arn: str
    why: str


@record
class StopTask:
    """Want the task STOPPED: deregister its targets, wait for them to drain, then stop its containers."""

    task_arn: str
    stop_code: StopCode
    stopped_reason: str
    why: str


@record
class MarkHealthy:
    """Note on the task (`healthy_at = now`) that it has counted as healthy."""

    task_arn: str
    why: str


@record
class SaveService:
    """Put this value in the service's place: its deployments moved on, or its deletion is finished."""

    service: Service
    why: str


@record
class Tell:
    """Add an event to the service, newest first."""

    service_arn: str
    message: str
    why: str


@record
class ForgetTask:
    """Remove the record of a stopped task."""

    task_arn: str
    why: str


Action = StartTask | StopTask | MarkHealthy | SaveService | Tell | ForgetTask
