"""The actions that a decision can return. Each says why; applying one twice does no more than applying it once."""

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
    """Set the desired status to STOPPED: deregister the task's targets, let them drain, stop its containers."""

    task_arn: str
    stop_code: StopCode
    stopped_reason: str
    why: str


@record
class MarkHealthy:
    """Record the moment when the task was healthy for the first time (`healthy_at = now`)."""

    task_arn: str
    why: str


@record
class SaveService:
    """Store the service with its deployments moved on, or with its deletion finished."""

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
