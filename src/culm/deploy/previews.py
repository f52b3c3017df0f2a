"""Previews on a target: what is remembered of each, the files that it begins with, and its end.

The record of a preview is a file in the vault, `pr-42/.culm/preview.json`. It is written before anything else of the
preview is made and deleted after everything else is gone, so a command that was killed in between leaves a record, and
`culm env down` finishes what it began. Names of things tell which preview they are of (see `project.previews`), so
removal does not depend on what the record lists: it looks for both.
"""

from collections.abc import Callable
from functools import partial

from culm.core.model.arn import last
from culm.core.model.record import record
from culm.deploy import caches, databases, down, mysql, postgres, rds, secret_variables, vault_files
from culm.deploy.sql_server import SqlServer
from culm.errors import CulmError
from culm.lint import rules
from culm.lint.copies import PRIVATE
from culm.lint.findings import Setting
from culm.plan.observed import Described
from culm.plan.vault_files import LOAD_BALANCER_FILE
from culm.project import engines
from culm.project.previews import COMMON, GROUP_SEPARATOR, SEPARATOR, own_name
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import or_none
from culm.vault import redaction
from culm.vault.files import Vault
from culm.vault.names import Folder, Name
from culm.vault.secret import Secret

FILE = "preview.json"
RECORD_TAG = "culm-ends"
"""Tag of the record: epoch seconds from which the preview is to be removed, 0 for never. The local daemon reads it."""
TAG, ENDS_TAG = "culm:preview", "culm:preview-ends"
"""Tags of its services: the preview's name, and when it is to be removed, as ISO 8601 in UTC."""
NEVER = "never"
Say = Callable[[str], None]
Removed = down.Removed


@record
class Remembered:
    """What is remembered of a preview."""

    name: str
    services: tuple[str, ...]
    """Their names in culm.yml."""
    made: float
    """Epoch seconds."""
    ends: float | None
    """Epoch seconds from which it is to be removed; None: it stays until somebody removes it."""
    env: str
    """`MYENV` of the environment that it stands beside."""
    databases: dict[str, str]
    """Engine by name, of the servers that it has something in."""
    buckets: tuple[str, ...] = ()
    """Their full names."""
    repositories: tuple[str, ...] = ()
    """Those that were not there before it."""
    address: str = ""
    """Where it answers."""
    pull_request: str = ""
    """Its number; empty: it is of none."""

    def over(self, now: float) -> bool:
        """Return whether the preview's time is up."""
        return self.ends is not None and self.ends <= now


def address(project: Project, target: Target, load_balancer: Described, port: int) -> str:
    """Return where a project answers, without a final `/`: a preview at its own host, if it has one."""
    if project.preview is not None and target.settings.provider == "local":
        return f"http://{project.preview.host}" + ("" if port == 80 else f":{port}")
    return target.url(load_balancer["DNSName"], port)


# The record.


def place(name: str) -> Name:
    """Return the name of a preview's record in the vault."""
    return Name(env=name, service=vault_files.OPERATOR, file=FILE)


def read(vault: Vault, name: str) -> Remembered | None:
    """Return what is remembered of a preview; None: there is none of this name."""
    import msgspec

    there = vault.read(place(name))
    if there is None:
        return None
    try:
        return msgspec.json.decode(there.data.reveal(), type=Remembered)
    except msgspec.ValidationError as error:
        raise CulmError(f"{place(name)} cannot be read: {error}", f"culm vault history {place(name)}") from None


def write(vault: Vault, preview: Remembered) -> None:
    """Remember a preview, over what was remembered of it before. Raises Conflict if somebody else does so just now."""
    import msgspec

    vault.write(place(preview.name), Secret(msgspec.json.encode(preview)), over=vault.read(place(preview.name)))
    tags = [{"Key": RECORD_TAG, "Value": str(int(preview.ends or 0))}]
    vault.s3.put_object_tagging(Bucket=vault.bucket, Key=str(place(preview.name)), Tagging={"TagSet": tags})


def every(vault: Vault) -> list[Remembered]:
    """Return all previews that are remembered, by name."""
    names = [each.name for each in vault.list(Folder()) if each.name.service == vault_files.OPERATOR]
    records = (read(vault, name.env) for name in names if name.file == FILE)
    return [preview for preview in records if preview is not None]


# The files that it begins with.


def fill(target: Target, project: Project, say: Say) -> list[str]:
    """Copy into a preview's folders of the vault what it begins with; returns the files that were kept from it.

    First what is there for all previews, `preview/accounts/`; then the shared environment's, `stg/accounts/`, less the
    files that hold a secret and those that a deploy writes. A file that the preview has stays as it is.
    """
    assert project.preview is not None, "only a preview has files to begin with"
    vault, preview = vault_files.vault_of(target, project), project.preview
    folders = dict.fromkeys(
        folder for each in project.services.values() for folder in (each.original, each.shares) if folder
    )
    variables = {each.vault for service in project.services.values() for each in service.container.secrets.values()}
    withheld = []
    for folder in folders:
        there = {each.name.file for each in vault.list(Folder(env=preview.name, service=folder))}
        for env in (COMMON, preview.env):
            for listed in vault.list(Folder(env=env, service=folder)):
                name = listed.name
                if name.file in there or written_by_deploys(project, name.file):
                    continue
                file = vault.read(name)
                if file is None:
                    continue
                if env != COMMON and (f"{folder}/{name.file}" in variables or secret_in(name.file, file.data.text())):
                    withheld.append(str(name))
                    continue
                vault.write(Name(env=preview.name, service=folder, file=name.file), file.data, over=None)
                there.add(name.file)
                say(f"copied {name} for the preview")
    return [name for name in withheld if not read_anyway(vault, preview.name, name)]


def read_anyway(vault: Vault, preview: str, withheld: str) -> bool:
    """Return whether a preview has a file of its own for one that is kept from it."""
    _, service, file = withheld.split("/")
    return vault.read(Name(env=preview, service=service, file=file)) is not None


def written_by_deploys(project: Project, file: str) -> bool:
    """Return whether a deploy writes this file: a database's URL, or the load balancer's."""
    names = {*project.databases, *(name.rpartition("-")[0] for name in project.caches)}
    return file in (LOAD_BALANCER_FILE, engines.FILE, *(f"{name}.url" for name in names))


def secret_in(file: str, text: str) -> bool:
    """Return whether a file of the vault holds a secret, as far as can be told: in doubt it does."""
    if redaction.values(file, text) or PRIVATE.search(text):
        return True
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and rules.judge(Setting(line=1, name=file, value=lines[0])) is not None:
        return True
    settings = (match for line in lines if (match := redaction.SETTING.match(line)))
    return any(
        rules.judge(Setting(line=0, name=match[1], value=match[2].strip("\"'"))) is not None for match in settings
    )


# Its end.


def remove(target: Target, project: Project, preview: Remembered, removed: Removed) -> None:
    """Remove a preview with everything that is its own; what is gone already is as good.

    `project` need have no more than its name. Its record goes last.
    """
    names = services_of(target, project, preview)
    stop(target, project, names, removed)
    for name in names:
        down.unroute(target, project, f"{project.name}-{name}".replace(SEPARATOR, GROUP_SEPARATOR))
    deregister(target, project, preview.name)
    for role in [*(f"{project.name}-{name}" for name in names), f"{project.name}.{preview.name}.execution"]:
        if or_none(partial(target.client("iam").get_role, RoleName=role), "NoSuchEntity") is not None:
            down.role(target, role, removed)
    remove_data(target, project, preview, removed)


def services_of(target: Target, project: Project, preview: Remembered) -> list[str]:
    """Return the names of a preview's services in the cluster: those that are there, and those that were to be."""
    begin = own_name(preview.name, "")
    running = [last(arn) for arn in down.service_arns(target, project)]
    return sorted(
        {name for name in running if name.startswith(begin)}
        | {own_name(preview.name, each) for each in preview.services}
    )


def stop(target: Target, project: Project, names: list[str], removed: Removed) -> None:
    """Delete its services, and wait until none of their tasks is left, nor any of their migrations."""
    running = {last(arn) for arn in down.service_arns(target, project)}
    for name in names:
        if name in running:
            target.client("ecs").delete_service(cluster=project.name, service=name, force=True)
            removed("service", name)
    groups = [group for name in names for group in (f"service:{name}", f"family:{project.name}-{name}-migrate")]
    down.until_gone(target, project, groups)


def deregister(target: Target, project: Project, name: str) -> None:
    """Deregister all revisions of a preview's services and their migrations."""
    begin = f"{project.name}-{own_name(name, '')}"
    pages = target.client("ecs").get_paginator("list_task_definition_families")
    families = [family for page in pages.paginate(familyPrefix=begin, status="ACTIVE") for family in page["families"]]
    for family in families:
        down.deregister(target, family)


def remove_data(target: Target, project: Project, preview: Remembered, removed: Removed) -> None:
    """Delete what a preview has written: databases, caches, logs, buckets, variables, files; its record last."""
    for name, engine in preview.databases.items():
        if engine in engines.CACHES:
            remove_cache(target, project, name, removed)
        else:
            remove_databases(target, project, preview, name, removed)
    groups = target.client("logs").get_paginator("describe_log_groups")
    begin = f"/culm/{project.name}/{own_name(preview.name, '')}"
    for group in [g["logGroupName"] for page in groups.paginate(logGroupNamePrefix=begin) for g in page["logGroups"]]:
        or_none(partial(target.client("logs").delete_log_group, logGroupName=group), down.MISSING)
        removed("log group", group)
    for name in secret_variables.delete(target, project.name, preview.name):
        removed("parameter", name)
    for name in preview.buckets:
        if or_none(partial(down.empty, target, name), "NoSuchBucket") is not None:
            or_none(partial(target.client("s3").delete_bucket, Bucket=name), "NoSuchBucket")
            removed("bucket", name)
    for name in preview.repositories:
        delete = partial(target.client("ecr").delete_repository, repositoryName=name, force=True)
        if or_none(delete, "RepositoryNotFoundException") is not None:
            removed("repository", name)
    vault = vault_files.vault_of(target, project)
    names = vault.every(Folder(env=preview.name))
    for file in sorted(names - {place(preview.name)}, key=str):
        vault.purge(file)
        removed("vault file", str(file))
    vault.purge(place(preview.name))


def remove_cache(target: Target, project: Project, name: str, removed: Removed) -> None:
    """Delete a preview's own Valkey or Redis server, with its users."""
    client, identifier = target.client("elasticache"), caches.identifier(project, name)
    delete = partial(client.delete_replication_group, ReplicationGroupId=identifier)
    missing = ("ReplicationGroupNotFound", "ReplicationGroupNotFoundFault")
    if or_none(delete, *missing) is not None:
        removed("database server", identifier)
        down.gone(partial(client.describe_replication_groups, ReplicationGroupId=identifier), missing[0])
    caches.delete(target, project, name)


def remove_databases(target: Target, project: Project, preview: Remembered, name: str, removed: Removed) -> None:
    """Drop a preview's databases and roles in the server that it shares; one that is gone has none."""
    identifier = databases.instance_name(project, name)
    describe = partial(target.client("rds").describe_db_instances, DBInstanceIdentifier=identifier)
    answer = or_none(describe, "DBInstanceNotFound", "DBInstanceNotFoundFault")
    described = answer["DBInstances"][0] if answer else None
    if described is None or not described.get("Endpoint"):
        return
    server = SqlServer(
        address=str(described["Endpoint"]["Address"]),
        port=int(described["Endpoint"]["Port"]),
        password=master_password(target, project, preview.env, described),
    )
    begin = f"{project.name}_{preview.name}{SEPARATOR}".replace("-", "_")
    for each in (postgres if preview.databases[name] == "postgres" else mysql).drop(server, begin):
        removed("database", each)


def master_password(target: Target, project: Project, env: str, described: Described) -> str:
    """Return the master's password of a server: RDS keeps it on aws, the vault locally. Raises CulmError without it."""
    if target.settings.provider == "aws":
        return rds.master_password(target, described)
    file = f"{described['DBInstanceIdentifier']}.password"
    place = Name(env=env, service=vault_files.OPERATOR, file=file)
    there = vault_files.vault_of(target, project).read(place)
    if there is None:
        raise CulmError(f"the vault has no {place}: databases of the preview cannot be dropped", "culm up, then again")
    return there.data.text()


def tag(target: Target, project: Project, preview: Remembered) -> None:
    """Tag its services with the preview's name and its end, for who looks at the cluster."""
    from datetime import UTC, datetime

    ends = NEVER if preview.ends is None else f"{datetime.fromtimestamp(preview.ends, UTC):%Y-%m-%dT%H:%M:%SZ}"
    tags = [{"key": TAG, "value": preview.name}, {"key": ENDS_TAG, "value": ends}]
    for arn in down.service_arns(target, project):
        if last(arn).startswith(own_name(preview.name, "")):
            target.client("ecs").tag_resource(resourceArn=arn, tags=tags)
