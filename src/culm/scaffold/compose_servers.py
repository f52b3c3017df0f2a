"""What a database, or a migration, of a compose file says of itself besides what it is, and what becomes of that.

A database's server is the target's, on AWS one of RDS's; a migration is a task of the service that it is for. So each
key that its container had is said, as for every service.
"""

from culm.project.compose.services import ComposeService
from culm.scaffold.compose_notes import Notes

SETTINGS = "left out: the server is the target's, with its own settings"
LOGINS = "left out: users, passwords and databases are made by culm, for each service its own"
LEFT_OUT = {
    "build": "left out: the server is the target's; what the image adds, `extensions:` in `databases:` may name",
    "command": SETTINGS,
    "entrypoint": SETTINGS,
    "environment": LOGINS,
    "env_file": LOGINS,
    "secrets": LOGINS,
    "ports": "left out: `culm db SERVICE` opens a client, `culm db SERVICE --url` says where",
    "expose": "left out: services have its address in their configuration",
    "healthcheck": "left out: services begin when their server answers",
    "volumes": "left out: the server keeps its data by itself",
}
INIT = "left out: nobody runs its scripts: what they make belongs into a migration"
OF_THE_TARGET = "left out: the server is the target's"
SAID = frozenset({"image", "extends", "profiles", "depends_on"})


def tell(service: ComposeService, notes: Notes) -> None:
    """Note each key of a service that becomes one of `databases:`."""
    scripts = [mount for mount in service.mounts if "initdb.d" in mount.target]
    for mount in scripts:
        notes.of(service, mount.place, "volumes", INIT)
    for key, value in service.keys.items():
        if key not in SAID and not key.startswith("x-") and not (key == "volumes" and scripts):
            notes.of(service, value.place, key, LEFT_OUT.get(key, OF_THE_TARGET))


OF_A_MIGRATION = frozenset({"build", "image", "command", "entrypoint", "extends", "profiles", "depends_on", "restart"})


def tell_migration(service: ComposeService, owner: str, notes: Notes) -> None:
    """Note each key of a service that becomes the migration of the service `owner`."""
    for key, value in service.keys.items():
        if key not in OF_A_MIGRATION and not key.startswith("x-"):
            notes.of(service, value.place, key, f"left out: a migration has the environment and the files of {owner}")
