"""Schedules of EventBridge Scheduler in moto's CloudFormation, which lacks them. moto finds this by its base class."""

from typing import Any

from moto.core.common_models import CloudFormationModel
from moto.scheduler.models import scheduler_backends


class ScheduleOfStack(CloudFormationModel):
    def __init__(self, name: str) -> None:
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Scheduler::Schedule"

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[misc]
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> "ScheduleOfStack":
        wanted = cloudformation_json["Properties"]
        scheduler_backends[account_id][region_name].create_schedule(
            description="",
            end_date=None,  # type: ignore[arg-type]
            flexible_time_window=wanted["FlexibleTimeWindow"],
            group_name="default",
            kms_key_arn="",
            name=wanted["Name"],
            schedule_expression=wanted["ScheduleExpression"],
            schedule_expression_timezone=wanted["ScheduleExpressionTimezone"],
            start_date=None,  # type: ignore[arg-type]
            state="ENABLED",
            target=wanted["Target"],
            action_after_completion=None,
        )
        return cls(wanted["Name"])

    @classmethod
    def update_from_cloudformation_json(  # type: ignore[misc]
        cls, original_resource: Any, new_resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> "ScheduleOfStack":
        cls.delete_from_cloudformation_json(
            original_resource.physical_resource_id, cloudformation_json, account_id, region_name
        )
        return cls.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)

    @classmethod
    def delete_from_cloudformation_json(  # type: ignore[misc]
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        scheduler_backends[account_id][region_name].delete_schedule("default", resource_name)

    def delete(self, account_id: str, region_name: str) -> None:
        self.delete_from_cloudformation_json(self.physical_resource_id, {}, account_id, region_name)
