"""The one-time task that makes services' users and databases in a private server on aws, from inside its network. Pure.

Its container is the engine's own image, for the engine's own client. What it does is a script of SQL for each user,
which it reads from a variable; ECS fills that from a parameter that is there as long as the task, as it holds the
user's password. The master's password comes from RDS's own secret. Neither stands in the task definition.

    parameter /culm/shop/stg/.databases/accounts --> CULM_SQL_1 --.
    secret rds!db-...                            --> PGPASSWORD --+--> psql --> shop-main, in its private subnets
    the definition                               --> PGHOST ... --'

The script changes nothing that is there but the user's password, so a task that ended halfway is run again.
"""

from collections.abc import Mapping, Sequence

from culm.core.model.record import record
from culm.project.project import Project, Service
from culm.render.names import execution_role_name, log_group
from culm.render.surroundings import Input, Surroundings

MEMORY = 64
"""MiB. What is left of an instance full of default tasks is more."""
IMAGES = {
    "postgres": "public.ecr.aws/docker/library/postgres:18-alpine",
    "mysql": "public.ecr.aws/docker/library/mysql:8.4",
    "mariadb": "public.ecr.aws/docker/library/mariadb:11.8",
}
"""Of both processors; they have the clients. Amazon's public registry asks for no login and has no limit for AWS."""
LOG_PREFIX = "databases"
PLACE = ".databases"
"""In a parameter's name, in a service's place; no service can have this name."""
VERIFIED, ENCRYPTED = "verified", "encrypted"
CLIENTS = {
    ("postgres", VERIFIED): "PGSSLMODE=verify-full PGSSLROOTCERT=/tmp/rds.pem psql",
    ("postgres", ENCRYPTED): "PGSSLMODE=require psql",
    ("mysql", VERIFIED): "mysql --ssl-mode=VERIFY_IDENTITY --ssl-ca=/tmp/rds.pem",
    ("mysql", ENCRYPTED): "mysql --ssl-mode=REQUIRED",
    ("mariadb", VERIFIED): "mariadb --ssl-verify-server-cert --ssl-ca=/tmp/rds.pem",
    ("mariadb", ENCRYPTED): "mariadb --ssl --skip-ssl-verify-server-cert",
}
"""By engine, and by whether Amazon's certificates are known.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
"""
OPTIONS = {
    # terse: a message about a statement has no part of it, and so no password
    "postgres": "--no-psqlrc --quiet --set ON_ERROR_STOP=1 --set VERBOSITY=terse",
    "mysql": '--host="$CULM_HOST" --port="$CULM_PORT" --user="$CULM_USER" --connect-timeout=30',
    "mariadb": '--host="$CULM_HOST" --port="$CULM_PORT" --user="$CULM_USER" --connect-timeout=30',
}


@record
class SqlLogin:
    """A service's user of a server, and its database there."""

    user: str
    password: str
    """Letters, digits, `-` and `_`."""
    database: str
    extensions: Sequence[str] = ()


@record
class PrivateServer:
    """A database server of the base stack, as the task has to know it."""

    engine: str
    address: str
    port: int
    master: str
    secret: str
    """ARN of the secret with the master's password, as RDS keeps it."""
    certificates: str = ""
    """Those that Amazon signs its servers with, in PEM; empty: not known, so that the server is not verified."""


def family(project: Project) -> str:
    """Return the name of its task definitions; no service's has an underscore."""
    return f"{project.name}-make_databases"


def parameter(project: Project, service: Service, env: str) -> str:
    """Return the name of the parameter with the script for one service; `*` for its name stands for all."""
    return f"{parameters(project, env)}/{service.name}"


def parameters(project: Project, env: str) -> str:
    """Return how the names of those parameters begin."""
    return f"/culm/{project.name}/{env}/{PLACE}"


def postgres(login: SqlLogin) -> str:
    """Return what psql does: the user with this password, and its database; what is there stays."""
    user, owner = f'"{login.user}"', f'"{login.database}"'
    roles = dict.fromkeys((login.user, login.database))
    lines = [
        f"""SELECT 'CREATE ROLE "{role}"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}')\\gexec"""
        for role in roles
    ]
    lines += [
        f"ALTER ROLE {user} LOGIN PASSWORD '{login.password}';",
        f"GRANT {owner} TO CURRENT_USER;",  # RDS's master is no superuser
        f"SELECT 'CREATE DATABASE {owner} OWNER {owner}' "
        f"WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{login.database}')\\gexec",
        f"REVOKE ALL ON DATABASE {owner} FROM PUBLIC;",
    ]
    if login.user != login.database:  # several users share it
        lines += [f"GRANT {owner} TO {user};", f"ALTER ROLE {user} IN DATABASE {owner} SET role TO {owner};"]
    if login.extensions:
        lines.append(f"\\connect {owner}")
        lines += [f'CREATE EXTENSION IF NOT EXISTS "{extension}";' for extension in login.extensions]
    return "\n".join(lines) + "\n"


def mysql(login: SqlLogin) -> str:
    """Return what the client of MySQL or MariaDB does: the user with this password, and its database."""
    user, database = f"'{login.user}'@'%'", f"`{login.database}`"
    granted = login.database.replace("_", r"\_")  # in GRANT `_` stands for any letter
    lines = [
        f"CREATE USER IF NOT EXISTS {user};",
        f"ALTER USER {user} IDENTIFIED BY '{login.password}';",
        f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4;",
        f"GRANT ALL PRIVILEGES ON `{granted}`.* TO {user};",
    ]
    return "\n".join(lines) + "\n"


def script(engine: str, logins: Mapping[str, SqlLogin]) -> dict[str, str]:
    """Return the text of each service's parameter."""
    write = postgres if engine == "postgres" else mysql
    return {name: write(login) for name, login in logins.items()}


def command(server: PrivateServer) -> str:
    """Return what the container's shell runs: the client, once for each user in `CULM_USERS`."""
    verified = VERIFIED if server.certificates else ENCRYPTED
    client = f"{CLIENTS[server.engine, verified]} {OPTIONS[server.engine]}"
    trust = """printf '%s' "$CULM_CERTIFICATES" >/tmp/rds.pem\n""" if server.certificates else ""
    feed = """eval "printf '%s' \\"\\$CULM_SQL_$each\\"" """
    return f'{trust}for each in $CULM_USERS; do {feed}| {client}; echo "user $each of $CULM_COUNT is made"; done\n'


def definition(
    project: Project, server: PrivateServer, services: Sequence[Service], surroundings: Surroundings
) -> Input:
    """Return the input of ecs.RegisterTaskDefinition; its log is in the first service's group."""
    here = f"arn:aws:ssm:{surroundings.region}:{surroundings.account}:parameter"
    numbers = [str(number) for number in range(1, len(services) + 1)]
    environment = {"CULM_USERS": " ".join(numbers), "CULM_COUNT": numbers[-1], **connection(server)}
    if server.certificates:
        environment["CULM_CERTIFICATES"] = server.certificates
    password = "PGPASSWORD" if server.engine == "postgres" else "MYSQL_PWD"
    scripts = [
        {"name": f"CULM_SQL_{number}", "valueFrom": here + parameter(project, service, surroundings.env)}
        for number, service in zip(numbers, services, strict=True)
    ]
    container: Input = {
        "name": services[0].name,
        "image": IMAGES[server.engine],
        "essential": True,
        "memory": MEMORY,
        "entryPoint": ["sh", "-ec"],
        "command": [command(server)],
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "secrets": [{"name": password, "valueFrom": f"{server.secret}:password::"}, *scripts],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group(project, services[0]),
                "awslogs-region": surroundings.region,
                "awslogs-stream-prefix": LOG_PREFIX,
            },
        },
    }
    return {
        "family": family(project),
        "executionRoleArn": f"arn:aws:iam::{surroundings.account}:role/{execution_role_name(project)}",
        "networkMode": "bridge",
        "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [container],
    }


def connection(server: PrivateServer) -> dict[str, str]:
    """Return the variables that tell the client where the server is."""
    if server.engine == "postgres":
        place = {"PGHOST": server.address, "PGPORT": str(server.port), "PGUSER": server.master}
        return {**place, "PGDATABASE": "postgres", "PGCONNECT_TIMEOUT": "30"}
    return {"CULM_HOST": server.address, "CULM_PORT": str(server.port), "CULM_USER": server.master}


def instances(project: Project, surroundings: Surroundings) -> list[str]:
    """Return the ARNs of the project's own RDS instances."""
    here = f"arn:aws:rds:{surroundings.region}:{surroundings.account}:db"
    return [f"{here}:{project.name}-{name}" for name in project.rds]


def execution_statements(project: Project, surroundings: Surroundings) -> list[Input]:
    """Return what ECS may fetch for the task before it starts; for a preview nothing.

    RDS names the secrets of its masters by ids of its own, and tags each with its instance:
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html
    """
    if not project.rds or project.preview is not None or surroundings.provider != "aws":
        return []
    here = f"{surroundings.region}:{surroundings.account}"
    return [
        {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": f"arn:aws:secretsmanager:{here}:secret:rds!db-*",
            "Condition": {
                "StringEquals": {"aws:ResourceTag/aws:rds:primaryDBInstanceArn": instances(project, surroundings)}
            },
        },
        {
            "Effect": "Allow",
            "Action": "ssm:GetParameters",
            "Resource": f"arn:aws:ssm:{here}:parameter{parameters(project, surroundings.env)}/*",
        },
    ]
