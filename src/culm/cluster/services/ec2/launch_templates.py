"""Launch templates: kept in versions; an auto scaling group takes an instance type and the user data from them.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-templates.html
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from culm.cluster.services.ec2 import tags
from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member
from culm.cluster.services.ec2.references import fresh
from culm.cluster.services.ec2.tags import TagSpecification
from culm.cluster.store.ec2 import launch_templates
from culm.cluster.store.ec2.launch_templates import LaunchTemplate, Version
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class CreateLaunchTemplateInput:
    launch_template_name: str
    launch_template_data: Stored[Mapping[str, Any]]
    version_description: str | None = None
    tag_specifications: tuple[TagSpecification, ...] = ()
    client_token: Stored[str | None] = None


@operation("ec2", "CreateLaunchTemplate")
def create_launch_template(call: Call, req: CreateLaunchTemplateInput) -> dict[str, Any]:
    """Create a template with its first version. Raises InvalidLaunchTemplateName.AlreadyExistsException."""
    if launch_templates.find(call.db, name=req.launch_template_name) is not None:
        raise AwsError("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
    first = Version(number=1, created_at=call.now, data=req.launch_template_data, description=req.version_description)
    template = LaunchTemplate(
        id=fresh("lt", call), name=req.launch_template_name, created_at=call.now, versions=(first,)
    )
    launch_templates.save(call.db, template)
    tags.given(call, template.id, req.tag_specifications)
    return {"launch_template": described(call, template)}


@record
class TemplateInput:
    launch_template_id: str | None = None
    launch_template_name: str | None = None


@record
class CreateLaunchTemplateVersionInput(TemplateInput):
    launch_template_data: Stored[Mapping[str, Any]]
    source_version: str | None = None
    version_description: str | None = None
    client_token: Stored[str | None] = None


@operation("ec2", "CreateLaunchTemplateVersion")
def create_launch_template_version(call: Call, req: CreateLaunchTemplateVersionInput) -> dict[str, Any]:
    """Add a version; what is not given is that of the source version, where one is named."""
    template = template_named(call, req.launch_template_id, req.launch_template_name)
    source = version_named(template, req.source_version).data if req.source_version else {}
    version = Version(
        number=template.versions[-1].number + 1,
        created_at=call.now,
        data={**source, **req.launch_template_data},
        description=req.version_description,
    )
    template = replace(template, versions=(*template.versions, version))
    launch_templates.save(call.db, template)
    return {"launch_template_version": described_version(call, template, version)}


@record
class ModifyLaunchTemplateInput(TemplateInput):
    default_version: str | None = None
    client_token: Stored[str | None] = None


@operation("ec2", "ModifyLaunchTemplate")
def modify_launch_template(call: Call, req: ModifyLaunchTemplateInput) -> dict[str, Any]:
    """Make another version the default one."""
    template = template_named(call, req.launch_template_id, req.launch_template_name)
    if req.default_version is not None:
        template = replace(template, default=version_named(template, req.default_version).number)
        launch_templates.save(call.db, template)
    return {"launch_template": described(call, template)}


@operation("ec2", "DeleteLaunchTemplate")
def delete_launch_template(call: Call, req: TemplateInput) -> dict[str, Any]:
    """Delete a template with its versions; groups that were made with it keep what they took from it."""
    template = template_named(call, req.launch_template_id, req.launch_template_name)
    gone = described(call, template)
    launch_templates.delete(call.db, template.id)
    return {"launch_template": gone}


@record
class DeleteLaunchTemplateVersionsInput(TemplateInput):
    versions: tuple[str, ...]


@operation("ec2", "DeleteLaunchTemplateVersions")
def delete_launch_template_versions(call: Call, req: DeleteLaunchTemplateVersionsInput) -> dict[str, Any]:
    """Delete versions; the default one and those that are not there are told apart."""
    template = template_named(call, req.launch_template_id, req.launch_template_name)
    who = {"launch_template_id": template.id, "launch_template_name": template.name}
    gone, failed = [], []
    for number in req.versions:
        version = template.version(number)
        if version is None or version.number == template.default:
            code = "launchTemplateVersionDoesNotExist" if version is None else "unexpectedError"
            failed.append({**who, "version_number": int(number), "response_error": {"code": code}})
        else:
            gone.append({**who, "version_number": version.number})
    left = tuple(v for v in template.versions if v.number not in {each["version_number"] for each in gone})
    launch_templates.save(call.db, replace(template, versions=left))
    return {
        "successfully_deleted_launch_template_versions": gone,
        "unsuccessfully_deleted_launch_template_versions": failed,
    }


@record
class DescribeLaunchTemplatesInput:
    launch_template_ids: tuple[str, ...] = ()
    launch_template_names: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeLaunchTemplates")
def describe_launch_templates(call: Call, req: DescribeLaunchTemplatesInput) -> dict[str, Any]:
    """Return the templates that are named, all if none is. Raises the error of an id or name that there is not."""
    wanted = [template_named(call, id, None) for id in req.launch_template_ids]
    wanted += [template_named(call, None, name) for name in req.launch_template_names]
    named = bool(req.launch_template_ids or req.launch_template_names)
    known = {"launch-template-name": member("launch_template_name")}
    items: list[Seen] = [
        described(call, template) for template in (wanted if named else launch_templates.list_all(call.db))
    ]
    return {"launch_templates": chosen(items, req.filters, known)}


@record
class DescribeLaunchTemplateVersionsInput(TemplateInput):
    versions: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeLaunchTemplateVersions")
def describe_launch_template_versions(call: Call, req: DescribeLaunchTemplateVersionsInput) -> dict[str, Any]:
    """Return versions of a template, all of them if none is named."""
    template = template_named(call, req.launch_template_id, req.launch_template_name)
    wanted = [version_named(template, version) for version in req.versions] or template.versions
    known = {"is-default-version": member("default_version")}
    items: list[Seen] = [described_version(call, template, version) for version in wanted]
    return {"launch_template_versions": chosen(items, req.filters, known)}


def template_named(call: Call, id: str | None, name: str | None) -> LaunchTemplate:
    """Return a template by its id or its name. Raises EC2's errors."""
    if (id is None) == (name is None):
        raise AwsError("MissingParameter", "The request must contain the parameter LaunchTemplateId or its name alone")
    template = launch_templates.find(call.db, id=id, name=name)
    if template is None:
        code, what = (
            ("InvalidLaunchTemplateId.NotFound", "ID")
            if id
            else (
                "InvalidLaunchTemplateName.NotFoundException",
                "name",
            )
        )
        raise AwsError(code, f"The specified launch template, with template {what} {id or name}, does not exist.")
    return template


def version_named(template: LaunchTemplate, wanted: str) -> Version:
    """Return a version. Raises InvalidLaunchTemplateId.VersionNotFound."""
    version = template.version(wanted)
    if version is None:
        message = f"Could not find launch template version {wanted} for {template.id}."
        raise AwsError("InvalidLaunchTemplateId.VersionNotFound", message)
    return version


def described(call: Call, template: LaunchTemplate) -> dict[str, Any]:
    return {
        "launch_template_id": template.id,
        "launch_template_name": template.name,
        "create_time": template.created_at,
        "created_by": arn("iam", "", call.account, "root"),
        "default_version_number": template.default,
        "latest_version_number": template.versions[-1].number,
        "tags": tags.shown(call, template.id),
    }


def described_version(call: Call, template: LaunchTemplate, version: Version) -> dict[str, Any]:
    return {
        "launch_template_id": template.id,
        "launch_template_name": template.name,
        "version_number": version.number,
        "version_description": version.description,
        "create_time": version.created_at,
        "created_by": arn("iam", "", call.account, "root"),
        "default_version": version.number == template.default,
        "launch_template_data": version.data,
    }
