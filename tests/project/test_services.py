"""What culm.yml says of services beyond one folder, one path and one port."""

import re
from pathlib import Path

import pytest

from culm.errors import UsageError
from culm.project.load import load
from culm.project.project import Check, MigrationCommand, Project
from culm.project.values import Limit, MountPath, PortNumber

HEAD = "name: shop\ndatabases: {main: }\nservices:\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("web", "api"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(
            "FROM python AS base\nEXPOSE 8000\n"
            "FROM python AS slim\nEXPOSE 9000\nHEALTHCHECK --interval=10s --retries=5 CMD curl -f localhost\n"
        )
        (tmp_path / name / "Dockerfile.migrate").write_text("FROM python\n")
    return tmp_path


def read(folder: Path, services: str) -> Project:
    (folder / "culm.yml").write_text(HEAD + services)
    return load(folder / "culm.yml")


def test_a_worker_has_no_path_no_port_and_its_images_health(folder: Path) -> None:
    worker = read(folder, "  worker: {build: web, command: celery -A shop worker, path: none}\n").services["worker"]
    assert (worker.paths, worker.patterns, worker.port, worker.balanced, worker.health) == ((), (), None, False, None)
    assert worker.container.command == ("celery", "-A", "shop", "worker")
    assert worker.check == Check(command=("CMD-SHELL", "curl -f localhost"), interval=10, timeout=30, retries=5)


def test_a_workers_health_may_be_a_command_of_its_own(folder: Path) -> None:
    text = (
        "  worker: {build: web, path: none, health: {command: [celery, inspect, ping], interval: 1m, unhealthy: 4}}\n"
    )
    check = read(folder, text).services["worker"].check
    assert check == Check(command=("CMD", "celery", "inspect", "ping"), interval=60, timeout=2, retries=4)


def test_services_of_one_folder_share_its_image_its_configuration_and_its_migration(folder: Path) -> None:
    text = (
        "  web: {database: main}\n"
        "  worker: {build: web, path: none}\n"
        "  slim: {build: web, target: base, path: none}\n"
        "  api:\n"
    )
    services = read(folder, text).services
    assert {n: (s.built_by, s.shares, s.migration is not None, s.after) for n, s in services.items()} == {
        "web": ("", "", True, ()),
        "worker": ("web", "web", False, ("web",)),
        "slim": ("", "web", False, ("web",)),
        "api": ("", "", True, ()),
    }


def test_a_service_with_a_migration_of_its_own_keeps_it(folder: Path) -> None:
    services = read(folder, "  web:\n  other: {build: web, migrate: Dockerfile.migrate, path: /other/*}\n").services
    assert services["other"].migration == folder / "web" / "Dockerfile.migrate"


def test_a_migration_may_be_a_command_in_the_services_own_image(folder: Path) -> None:
    text = "  web: {migrate: {command: 'python manage.py migrate'}}\n  front: {image: 'nginx', port: 80}\n"
    web = read(folder, text).services["web"]
    assert (web.migration, web.migrates) == (None, True)
    assert web.migration_command == MigrationCommand(command=("python", "manage.py", "migrate"))
    migrate = "{command: [migrate], entrypoint: [sh, -c]}"
    ready = f"  front: {{image: 'app:1', port: 80, migrate: {migrate}, schema-change: expand}}\n"
    front = read(folder, ready).services["front"]
    assert front.migration_command == MigrationCommand(command=("migrate",), entrypoint=("sh", "-c"))
    worker = "  web: {migrate: {command: x}}\n  worker: {build: web, path: none, command: work}\n"
    assert not read(folder, worker).services["worker"].migrates


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("  web: {migrate: {entrypoint: [sh]}}\n", "services.web.migrate.command: is missing"),
        ("  web: {migrate: {command: x, image: y}}\n", "services.web.migrate.image: there is no such key"),
        ("  job: {build: web, schedule: every hour, migrate: {command: x}}\n", "services.job.migrate: does nothing"),
        ("  web: {image: nginx, port: 80, migrate: Other}\n", "services.web.migrate: does nothing beside `image:`"),
        ("  web: {migrate: false, migrations: [src]}\n", "services.web.migrations: "),
    ],
)
def test_a_migration_that_cannot_be_is_refused_by_its_key(folder: Path, text: str, wrong: str) -> None:
    with pytest.raises(UsageError, match=re.escape(wrong)):
        read(folder, text)


def test_a_ready_image_needs_no_folder(folder: Path) -> None:
    digest = "sha256:" + "0" * 64
    text = f"  front: {{image: 'nginx:1.27@{digest}', port: 80, path: /}}\n"
    front = read(folder, text).services["front"]
    assert (front.image, front.dockerfile, front.migration) == (f"nginx:1.27@{digest}", None, None)
    assert (front.paths, front.bare_paths, front.port) == (("/*",), (), 80)


def test_the_stage_that_is_built_tells_the_port(folder: Path) -> None:
    services = read(folder, "  web: {target: base}\n  api: {}\n").services
    assert (services["web"].stage, services["web"].port, services["api"].port) == ("base", 8000, 9000)


def test_a_path_comes_with_itself_alone_where_nobody_else_has_it(folder: Path) -> None:
    services = read(folder, "  web: {path: [/a/*, /b*]}\n  api: {path: /a}\n").services
    assert services["web"].bare_paths == ()
    assert read(folder, "  web: {path: [/a/*, /b*]}\n").services["web"].patterns == ("/a/*", "/b*", "/a")
    full = "  web: {path: [/a/*, /b/*, /c/*]}\n"
    assert read(folder, full).services["web"].bare_paths == ()


def test_one_path_may_be_two_services_on_two_hosts(folder: Path) -> None:
    services = read(
        folder, "  web: {path: /, host: Shop.example.com}\n  api: {path: /, host: api.example.com}\n"
    ).services
    assert services["web"].routing.hosts == ("shop.example.com",)


def test_a_container_is_given_what_is_written(folder: Path) -> None:
    text = """\
  web:
    entrypoint: [/bin/tini, --]
    command: "serve --name 'two words'"
    environment: {DEBUG: true, PORTS: 8080, API: "{api.url}/v1", DB: "{main.host}", RAW: "{{a.b}}"}
    secrets: {LICENCE: {from: "arn:aws:ssm:us-east-1:123456789012:parameter/licence", reason: vendor image}}
    ports: [9090, 8125/udp]
    user: 1000:1000
    read-only: true
    init: true
    tmpfs: {/tmp: 64 MB}
    ulimits: {nofile: 1024/4096}
    volumes: {data: /data, shared: "/shared:ro"}
    stop: 1m30s
    drain: 30
    health: {path: /up, interval: 10s, timeout: 4s, healthy: 3, unhealthy: 5, codes: "200,204"}
    sidecars:
      proxy: {image: envoy:1, ready: healthy, health: {command: curl localhost}, volumes: {shared: /x}}
  api:
"""
    web = read(folder, text).services["web"]
    given = web.container
    assert (given.entrypoint, given.command) == (("/bin/tini", "--"), ("serve", "--name", "two words"))
    assert given.environment["DEBUG"] == "true"
    assert given.secrets["LICENCE"].reason == "vendor image"
    assert given.ports == (PortNumber(number=9090), PortNumber(number=8125, protocol="udp"))
    assert (given.user, given.read_only, given.init, given.tmpfs) == ("1000:1000", True, True, {"/tmp": 64})
    assert given.ulimits == {"nofile": Limit(soft=1024, hard=4096)}
    assert given.volumes == {"data": MountPath(path="/data"), "shared": MountPath(path="/shared", read_only=True)}
    assert (given.stop, web.drain, web.check.codes, web.check.interval) == (90, 30, "200,204", 10)
    assert web.sidecars["proxy"].check == Check(command=("CMD-SHELL", "curl localhost"))


@pytest.mark.parametrize("scale", ["cpu 60", "memory 70", "requests 600"])
def test_a_service_with_a_range_begins_with_its_fewest_tasks_and_is_scaled_between_both(
    folder: Path, scale: str
) -> None:
    web = read(folder, f"  web: {{count: 2-4, scale: {scale}}}\n").services["web"]
    assert web.scaling is not None
    assert (web.count, str(web.scaling)) == (2, f"2-4, {scale}")
    assert [web.scaling.clamped(count) for count in (0, 2, 3, 4, 9)] == [2, 2, 3, 4, 4]


def test_units_of_a_target_may_be_written(folder: Path) -> None:
    services = read(
        folder, "  web: {count: 1 - 2, scale: cpu 60%}\n  api: {count: 1-2, scale: requests 9/min}\n"
    ).services
    assert [str(one.scaling) for one in services.values()] == ["1-2, cpu 60", "1-2, requests 9"]


REFUSALS = {
    "both a folder and an image": ("  web: {build: web, image: nginx, port: 80}\n", ".build: does nothing beside"),
    "an image without a port": ("  front: {image: nginx}\n", ".port: is not known of the ready image nginx"),
    "an image that is none": ("  front: {image: Nginx!, port: 1}\n", "'Nginx!' is not an image"),
    "none beside a path": ("  web: {path: [none, /web]}\n", "`none` beside a path"),
    "a worker with a page": ("  web: {path: none, health: /up}\n", "no load balancer asks for it"),
    "a worker with a host": ("  web: {path: none, host: a.example.com}\n", ".host: does nothing with `path: none`"),
    "a health without a command": ("  web: {path: none, health: {interval: 10s}}\n", ".health: has no command"),
    "a check that takes too long": ("  web: {health: {interval: 5s, timeout: 5s}}\n", "not shorter than the interval"),
    "a check too often": ("  web: {health: {interval: 1s}}\n", ".health.interval: 1 is not from 5 to 300"),
    "no such stage": ("  web: {target: fat}\n", "the Dockerfile has no stage 'fat'"),
    "a command that does not end": ('  web: {command: "sh -c \'a"}\n', "cannot be split into words"),
    "a variable that is none": ("  web: {environment: {1A: b}}\n", "'1A' is not the name of an environment variable"),
    "culm's own variable": ("  web: {environment: {MYENV: stg}}\n", ".environment.MYENV: is set by culm"),
    "a database's URL": ("  web: {environment: {DB: '{main.url}'}}\n", "{main.url} holds a password"),
    "an unknown service": (
        "  web: {environment: {A: '{cart.url}'}}\n",
        "{cart.url} names no service, database or bucket",
    ),
    "a worker's URL": (
        "  web: {environment: {A: '{job.url}'}}\n  job: {build: api, path: none}\n",
        "{job.url} names no service",
    ),
    "an unknown member": ("  web: {environment: {A: '{main.user}'}}\n", "a database has no 'user'"),
    "a secret that is a variable, too": (
        "  web: {environment: {A: b}, secrets: {A: {from: x, reason: y}}}\n",
        ".secrets.A: is in `environment:`, too",
    ),
    "a secret from two places": (
        "  web: {secrets: {A: {from: x, vault: a}}}\n",
        ".secrets.A: has both `vault:` and `from:`",
    ),
    "a secret from nowhere": ("  web: {secrets: {A: {reason: y}}}\n", ".secrets.A: does not say where its value is"),
    "a secret of nobody": ("  web: {secrets: {A: {vault: shop/a}}}\n", ".secrets.A.vault: there is no service 'shop'"),
    "a secret of no file": ("  web: {secrets: {A: {vault: a b}}}\n", "'a b' is no file of the vault"),
    "a secret without a reason": ("  web: {secrets: {A: {from: x}}}\n", ".secrets.A.reason: is missing"),
    "a limit upside down": ("  web: {ulimits: {nofile: 5/4}}\n", "the soft limit is above the hard one"),
    "a limit of nothing": ("  web: {ulimits: {files: 5}}\n", ".ulimits.files: is no ulimit"),
    "a volume nowhere": ("  web: {volumes: {data: data}}\n", "'data' is not a place in a container"),
    "a time that is none": ("  web: {stop: soon}\n", "'soon' is not a time: write 30s"),
    "too long a drain": ("  web: {drain: 2h}\n", "7200 s is longer than 3600 s"),
    "the same priority twice": ("  web: {priority: 5}\n  api: {priority: 5}\n", "5 is the priority of web"),
    "a priority out of range": ("  web: {priority: 0}\n", "0 is not from 1 to 50000"),
    "a strip of two paths": ("  web: {path: [/a/*, /b/*], strip: true}\n", ".strip: needs one path that ends with /*"),
    "a sidecar of the service's name": ("  web: {sidecars: {web: }}\n", "is called as the service's own container is"),
    "a sidecar that is waited for and essential": (
        "  web: {sidecars: {setup: {ready: success}}}\n",
        "its end would be the task's end",
    ),
    "a sidecar whose health nobody checks": ("  web: {sidecars: {a: {ready: healthy}}}\n", "nothing checks it"),
    "compose's word": ("  web: {healthcheck: }\n", ".healthcheck: there is no such key"),
    "a file that hides the image": ("  web: {files: {/a: b}}\n", ".files: /a: nothing but `files:` would be left in /"),
    "a call of nobody": ("  web: {calls: [cart]}\n", ".calls: there is no service 'cart'"),
    "a call of itself": ("  web: {calls: [web]}\n", ".calls: names the service itself"),
    "a call of a worker": ("  web: {calls: [api]}\n  api: {path: none}\n", ".calls: api listens nowhere"),
    "a call of a job": ("  web: {calls: [api]}\n  api: {schedule: every 5 minutes}\n", "a job answers no calls"),
    "a call by a job": ("  web: {calls: [api], schedule: every 5 minutes}\n  api:\n", ".calls: does nothing beside"),
    "calls in a circle": ("  web: {calls: [api]}\n  api: {calls: [web]}\n", ".calls: api calls it, too"),
    "the inner URL of one that is not called": (
        "  web: {environment: {A: '{api.url}'}}\n  api: {path: none, port: 8080}\n",
        "{api.url}: api has no path, so only services that call it reach it",
    ),
    "a bucket that nobody declared": ("  web: {buckets: [uploads]}\n", ".buckets: there is no bucket 'uploads'"),
    "a bucket called as a service": ("  web:\nbuckets: [web]\n", "web is a service or a database, too"),
    "a volume that nobody mounts": (
        "  web:\nvolumes: {data: {efs: fs-01234567}}\n",
        "volumes.data: no service mounts it",
    ),
    "a range that nothing scales": ("  web: {count: 1-4}\n", ".count: 1-4 is a range, and nothing says what to scale"),
    "a target without a range": ("  web: {scale: cpu 60}\n", ".scale: needs a range of tasks to scale between"),
    "a target beside a number": ("  web: {count: 3, scale: cpu 60}\n", ".scale: needs a range"),
    "a range of one number": ("  web: {count: 3-3, scale: cpu 60}\n", ".scale: needs a range"),
    "a range upside down": ("  web: {count: 4-1, scale: cpu 60}\n", ".count: '4-1' is an empty range"),
    "a range from nothing": ("  web: {count: 0-4, scale: cpu 60}\n", ".count: 0-4 begins with 0: without a task"),
    "a range beyond ECS": ("  web: {count: 1-5001, scale: cpu 60}\n", ".count: 5001 tasks are more than 5000"),
    "a count that is none": ("  web: {count: some}\n", ".count: 'some' is not a number of tasks"),
    "a range for all services": ("  web:\ndefaults: {count: 1-4}\n", "defaults.count: '1-4' where a whole number"),
    "another metric": ("  web: {count: 1-4, scale: latency 5}\n", ".scale: 'latency 5' is not a target: write cpu 60"),
    "a metric without a value": ("  web: {count: 1-4, scale: cpu}\n", ".scale: 'cpu' is not a target"),
    "a unit of another metric": (
        "  web: {count: 1-4, scale: requests 60%}\n",
        ".scale: 'requests 60%' is not a target",
    ),
    "per cents above a hundred": ("  web: {count: 1-4, scale: cpu 101}\n", ".scale: 'cpu 101': 101 is out of range"),
    "requests of a worker": (
        "  web: {path: none, count: 1-4, scale: requests 60}\n",
        ".scale: counts requests of the load balancer",
    ),
    "a job with a range": (
        "  web:\n  api: {schedule: every 5 minutes, count: 1-4}\n",
        ".count: does nothing beside `schedule:`",
    ),
    "a job that is scaled": (
        "  web:\n  api: {schedule: every 5 minutes, scale: cpu 60}\n",
        ".scale: does nothing beside `schedule:`",
    ),
    "a port that is none": ("  web: {ports: [x]}\n", "'x' is not a port: write 9090, or 8125/udp"),
}


@pytest.mark.parametrize(("text", "what"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_does_not_fit_together_is_refused_where_it_stands(folder: Path, text: str, what: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read(folder, text)
    assert what in refusal.value.what
    assert "culm.yml:" in refusal.value.what


def test_a_service_names_its_buckets_and_their_names_are_references(folder: Path) -> None:
    project = read(
        folder, "  web: {buckets: [uploads], environment: {STORE: '{uploads.bucket}'}}\nbuckets: [uploads]\n"
    )
    assert (project.buckets, project.services["web"].buckets) == (("uploads",), ("uploads",))


def test_a_buckets_name_is_measured_with_the_longest_name_of_the_project(folder: Path) -> None:
    text = f"name: {'a' * 20}\nbuckets: [{'b' * 15}]\nservices: {{web: }}\n"
    (folder / "culm.yml").write_text(text)
    with pytest.raises(UsageError, match="more than the 63 characters of a bucket's name"):
        load(folder / "culm.yml")
    targets = "targets: {one: {provider: aws}, two: {provider: aws}}\n"
    (folder / "culm.yml").write_text(targets + text.replace("b" * 15, "b" * 14))
    with pytest.raises(UsageError, match=f"{'a' * 20}-two-{'b' * 14}, an account"):
        load(folder / "culm.yml")


def test_a_service_that_is_called_is_deployed_first_and_may_have_no_path(folder: Path) -> None:
    text = "  web: {environment: {API: '{api.url}'}, calls: [api]}\n  api: {path: none, port: 8080}\n"
    services = read(folder, text).services
    web, api = services["web"], services["api"]
    assert (web.after, web.calls, web.called, web.connected) == (("api",), ("api",), False, True)
    assert (api.called, api.connected, api.balanced) == (True, True, False)
