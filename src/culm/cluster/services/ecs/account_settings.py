"""Account settings: kept and described; every ARN here is of the long format whatever they say.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html
"""

from typing import Any

from culm.cluster.store.ecs import settings
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.errors import AwsError

SWITCH = ("enabled", "disabled", "on", "off")
SETTINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "serviceLongArnFormat": ("enabled", SWITCH),
    "taskLongArnFormat": ("enabled", SWITCH),
    "containerInstanceLongArnFormat": ("enabled", SWITCH),
    "awsvpcTrunking": ("disabled", SWITCH),
    "containerInsights": ("disabled", (*SWITCH, "enhanced")),
    "dualStackIPv6": ("enabled", SWITCH),
    "fargateFIPSMode": ("disabled", SWITCH),
    "fargateTaskRetirementWaitPeriod": ("7", ("0", "7", "14")),
    "tagResourceAuthorization": ("on", SWITCH),
    "guardDutyActivate": ("off", SWITCH),
    "defaultLogDriverMode": ("non-blocking", ("blocking", "non-blocking")),
}
"""Name to AWS's default and the values that it allows."""


@record
class PutAccountSettingInput:
    name: str
    value: Stored[str]
    principal_arn: Stored[str | None] = None


@operation("ecs", "PutAccountSetting")
def put_account_setting(call: Call, req: PutAccountSettingInput) -> dict[str, Any]:
    """Set one of a principal's settings, the root's if none is named.

    Raises InvalidParameterException for a value that this setting cannot have.
    """
    principal = req.principal_arn or _root(call)
    settings.put(call.db, principal, req.name, _checked(req.name, req.value))
    return {"setting": _view(req.name, req.value, principal)}


@record
class PutAccountSettingDefaultInput:
    name: str
    value: Stored[str]


@operation("ecs", "PutAccountSettingDefault")
def put_account_setting_default(call: Call, req: PutAccountSettingDefaultInput) -> dict[str, Any]:
    """Set what a setting is for principals that have not set it.

    Raises InvalidParameterException for a value that this setting cannot have.
    """
    settings.put(call.db, settings.ACCOUNT_DEFAULT, req.name, _checked(req.name, req.value))
    return {"setting": _view(req.name, req.value, _root(call))}


@record
class DeleteAccountSettingInput:
    name: str
    principal_arn: str | None = None


@operation("ecs", "DeleteAccountSetting")
def delete_account_setting(call: Call, req: DeleteAccountSettingInput) -> dict[str, Any]:
    """Delete one of a principal's settings, so that the default counts; returns the value that it had."""
    principal = req.principal_arn or _root(call)
    before = settings.of(call.db, principal).get(req.name, "")
    settings.delete(call.db, principal, req.name)
    return {"setting": _view(req.name, before, principal)}


@record
class ListAccountSettingsInput:
    name: str | None = None
    value: str | None = None
    principal_arn: str | None = None
    effective_settings: bool = False


@operation("ecs", "ListAccountSettings")
def list_account_settings(call: Call, req: ListAccountSettingsInput) -> dict[str, Any]:
    """Return what the principal has set; the effective ones are those, over the account's, over AWS's defaults."""
    principal = req.principal_arn or _root(call)
    effective = settings.of(call.db, principal)
    if req.effective_settings:
        defaults = {name: value for name, (value, _) in SETTINGS.items()}
        effective = defaults | settings.of(call.db, settings.ACCOUNT_DEFAULT) | effective
    return {
        "settings": [
            _view(name, value, principal)
            for name, value in sorted(effective.items())
            if req.name in (None, name) and req.value in (None, value)
        ]
    }


def _checked(name: str, value: str) -> str:
    allowed = SETTINGS.get(name, ("", ()))[1]
    if value not in allowed:
        raise AwsError("InvalidParameterException", f"Value {value} is not supported for the setting {name}.")
    return value


def _view(name: str, value: str, principal: str) -> dict[str, str]:
    return {"name": name, "value": value, "principal_arn": principal, "type": "user"}


def _root(call: Call) -> str:
    return arn("iam", "", call.account, "root")
