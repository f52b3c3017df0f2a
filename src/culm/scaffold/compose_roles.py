"""What each service of a compose file is to culm: a service, a migration, a database, a proxy, a ready image."""

import re
from typing import Literal, get_args

from culm.project.compose.services import ComposeService
from culm.project.keys import Key
from culm.project.schema import DatabaseBlock
from culm.scaffold.guess import MIGRATION, ONCE, ImageSource

Role = Literal["service", "worker", "migration", "once", "database", "proxy", "image", "assets", "tests"]

ENGINES: tuple[tuple[str, str], ...] = (
    (
        "postgres",
        r"(^|/)(postgres|postgresql|postgis|pgvector|timescaledb(-ha)?|supabase-postgres|postgres-[\w.-]+)(:|@|$)",
    ),
    ("mysql", r"(^|/)(mysql|mysql-server|percona|percona-server)(:|@|$)"),
    ("mariadb", r"(^|/)mariadb(:|@|$)"),
    ("redis", r"(^|/)(redis|redis-stack|redis-stack-server|redismod|keydb|dragonfly)(:|@|$)"),
    ("valkey", r"(^|/)valkey(:|@|$)"),
)
PROXY = re.compile(
    r"(^|/)(nginx|traefik|haproxy|caddy|envoy|openresty|nginx-proxy|nginx-ssl-proxy|https-portal|kong)(:|@|$)"
)
ALIKE = {"mariadb": "mysql", "mysql": "mariadb", "redis": "valkey", "valkey": "redis"}
"""Engines that speak the same protocol."""
IMAGE_PORTS: tuple[tuple[str, int, bool], ...] = (
    (r"(^|/)rabbitmq", 5672, False),
    (r"(^|/)mongo", 27017, False),
    (r"(^|/)(memcached)", 11211, False),
    (r"(kafka|redpanda)", 9092, False),
    (r"zookeeper", 2181, False),
    (r"(^|/)nats", 4222, False),
    (r"(mysql|mariadb|percona)", 3306, False),
    (r"(redis|valkey|keydb)", 6379, False),
    (r"(mssql|azure-sql)", 1433, False),
    (r"(cassandra|scylla)", 9042, False),
    (r"cockroach", 26257, False),
    (r"(elasticsearch|opensearch)(?!-dash)", 9200, True),
    (r"(kibana|opensearch-dashboards)", 5601, True),
    (r"minio", 9000, True),
    (r"mailhog", 8025, True),
    (r"(mailpit)", 8025, True),
    (r"mailcatcher", 1080, True),
    (r"adminer", 8080, True),
    (r"pgadmin", 80, True),
    (r"phpmyadmin", 80, True),
    (r"grafana/grafana", 3000, True),
    (r"prom/prometheus", 9090, True),
    (r"jaeger", 16686, True),
    (r"zipkin", 9411, True),
    (r"keycloak", 8080, True),
    (r"localstack", 4566, True),
    (r"dynamodb-local", 8000, True),
    (r"(^|/)(nginx|httpd|wordpress|nextcloud|ghost)", 80, True),
)
"""Where ready images listen, and whether they speak HTTP there."""


def usual_port(image: str) -> tuple[int, bool] | None:
    """Return where a ready image listens, and whether it speaks HTTP there; None for one that is not known."""
    return next(((port, http) for pattern, port, http in IMAGE_PORTS if re.search(pattern, image.lower())), None)


def engines() -> tuple[str, ...]:
    """Return the engines that `databases:` knows."""
    annotated = DatabaseBlock.__annotations__["engine"]
    return tuple(str(each) for part in get_args(annotated) if not isinstance(part, Key) for each in get_args(part))


def engine_of(image: str) -> str | None:
    """Return the engine of an image, whether `databases:` knows it or not."""
    return next((engine for engine, pattern in ENGINES if re.search(pattern, image.lower())), None)


def served(engine: str | None) -> str | None:
    """Return the engine of `databases:` that stands for it; None: there is none."""
    known = engines()
    if engine is None or engine in known:
        return engine
    return ALIKE[engine] if ALIKE.get(engine) in known else None


def command_line(service: ComposeService) -> str:
    return " ".join([*(service.command("entrypoint") or ()), *(service.command() or ())])


def migrates(service: ComposeService) -> bool:
    """Return whether a service brings tables up to date and ends."""
    build = service.build
    if build is not None and "migrat" in build.dockerfile.lower():
        return True
    line = command_line(service)
    several = re.search(r"&&|;|\bexec\b", line) and not re.search(r"migrat\w*['\"]?$", line.strip())
    if several and re.search(r"gunicorn|uvicorn|runserver|rails s|puma|npm (run )?start|node |java |serve|start", line):
        return False  # it migrates and then serves
    serves = bool(service.at("ports")) and not re.search(r"^(migrat\w*|.*[-_]migrat\w*)$", service.name)
    named = re.search(r"(^|[-_])(migrat\w*|flyway|liquibase|dbmate|alembic)([-_]|$)", service.name, re.IGNORECASE)
    image = service.image if build is None else ""
    return not serves and bool(
        named or MIGRATION.search(line) or re.search(r"flyway|liquibase|dbmate|migrate/migrate", image)
    )


def runs_once(service: ComposeService, waited_for: bool) -> bool:
    """Return whether a service ends by itself.

    Others wait for its success, or it is not started again and is called so.
    """
    if waited_for:
        return True
    restart = service.text("restart")
    return (
        restart in ("no", "on-failure")
        and not service.at("ports")
        and bool(ONCE.search(service.name) or ONCE.search(command_line(service)))
    )


ASSETS = re.compile(
    r"\b(npm|yarn|pnpm|bun)[: ](run[: ])?(build|watch|assets|css|js)\b"
    r"|\b(webpack|tailwind(css)?|sass|esbuild|rollup|parcel|gulp|grunt|tsc|vite)\b.*(--watch|\s-w\b|\bwatch\b|\bbuild\b)"
)
SERVES = re.compile(r"\bserve\b|dev-server|\bstart\b|\bpreview\b|&&\s*(node|nginx|gunicorn|python)")


def builds_assets(service: ComposeService) -> bool:
    """Return whether a service only builds a front end's files, into a folder that other services have mounted, too."""
    if service.at("ports") or service.at("expose") or not service.mounts:
        return False
    line = command_line(service)
    return ASSETS.search(line) is not None and SERVES.search(line) is None


BROWSER_TESTS = re.compile(r"(^|[-_./])(playwright|cypress|selenium|testcafe|e2e(-tests?)?)([-_.:@]|$)", re.IGNORECASE)


def tests_a_browser(service: ComposeService) -> bool:
    """Return whether a service is a tool that tries the others, by its name, its Dockerfile's or its image's."""
    build = service.build
    texts = (service.name, build.dockerfile if build is not None else service.image)
    return any(BROWSER_TESTS.search(text) for text in texts)


def role(service: ComposeService, image: ImageSource | None, waited_for: bool) -> Role:
    """Return what a service is; `image` is what it is built from, None for a ready image.

    `waited_for`: others wait for its successful end.
    """
    if migrates(service):
        return "migration"
    if builds_assets(service):
        return "assets"
    if tests_a_browser(service):
        return "tests"
    if image is None:
        if served(engine_of(service.image)) is not None:
            return "database"
        if PROXY.search(service.image.lower()):
            return "proxy"
        return "once" if runs_once(service, waited_for) else "image"
    bases = image.bases
    if any(served(engine_of(base)) is not None for base in bases):
        return "database"
    if any(PROXY.search(base) for base in bases) and only_configures(image):
        return "proxy"
    return "once" if runs_once(service, waited_for) else "service"


def only_configures(image: ImageSource) -> bool:
    """Return whether a Dockerfile gives a proxy its configuration, and nothing to serve."""
    copies = [each for each in image.instructions if each.keyword in ("COPY", "ADD")]
    return bool(copies) and all(
        each.flag("from") is None
        and re.search(r"\.(conf|cfg|ya?ml|toml|tmpl|template|vh|crt|key|pem)\b|Caddyfile|conf\.d|templates", each.rest)
        for each in copies
    )
