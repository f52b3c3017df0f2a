"""What the pages take for granted before a command, and the commands that no machine of the tests can run."""

import re
from collections.abc import Mapping
from typing import TypeVar

from tests.docs.markdown import Command

T = TypeVar("T")

ELSEWHERE: dict[tuple[str, str], str] = {
    ("README.md", "make test"): "it is what runs this",
    ("after.md", "culm diff --target stg"): "what hands have changed there: tests/amazon/test_diff.py reads the screen",
    ("after.md", "culm events accounts -f"): "a task that is killed: tests/scenarios/test_causes.py",
    ("aws-deploys.md", "culm promote"): "a second account: tests/amazon/test_promote.py",
    ("aws.md", "culm aws destroy --target perf"): "as for stg",
    ("aws.md", "culm up --target perf"): "a load on instances that serve; the stand-in's serve nothing",
    ("ci.md", "culm test"): "a minute: tests/scenarios/test_four_ways.py",
    ("ci.md", "pip install"): "installs from the network",
    ("cookbook.md", "culm exec accounts --target stg"): "a shell in a container at Amazon: tests/operate/test_exec.py",
    ("cookbook.md", "git checkout"): "a tag of the reader's own",
    ("four-ways.md", "IMAGE="): "an image of the reader's own registry",
    ("local-cluster.md", "aws ecr get-login-password"): "needs an engine: tests/scenarios/test_docker.py pushes there",
    (
        "local-cluster.md",
        "aws elbv2 create-listener",
    ): "a HAProxy that may speak TLS: tests/cluster/balancer/test_tls.py",
    ("local-cluster.md", "curl --cacert"): "a HAProxy that may speak TLS: tests/cluster/balancer/test_tls.py",
    ("plan.md", "culm plan"): "six services with migrations: tests/plan has the same moves as text",
    ("plan.md", "culm bench"): "half a minute of load: tests/scenarios/test_room.py",
    ("previews.md", "culm env up pr-42 --from accounts=sha256"): "an image of the reader's own repository",
    ("repositories.md", "git submodule"): "repositories of the reader's own",
    ("what-you-see.md", "culm open --read-only"): "listens at an address of the reader's network",
}
"""By page and the beginning of a command: why nobody runs it here."""

SERVER = """\
mkdir -p {0} && cat >{0}/serve.py <<'END'
import http.server, os, signal

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", 8000))), Answer).serve_forever()
END
printf 'import sys\\nprint(sys.argv[1:], len(sys.stdin.read()))\\n' >{0}/manage.py
cat >{0}/Dockerfile <<'END'
FROM python:3.12-slim
COPY serve.py manage.py ./
EXPOSE 8000
CMD ["python3", "serve.py"]
END
"""
"""A service of one file; its manage.py prints what it was given."""

LOCAL_TARGET = "sed -i 's/^ *local: *{/&port: @port@, /' culm.yml && echo 'defaults: {settle: 0}' >>culm.yml"
COMPOSE = "echo 'services: {web: {build: ./web, ports: [\"8000:8000\"]}}' >"
CHANGED = "sed -i 's/  {0}: {{database: main}}/  {0}: {{database: main, environment: {{ROUND: \"{1}\"}}}}/' culm.yml"
PETS = """\
echo '  pets: {database: main}' >>culm.yml
culm up
sed -i 's/  pets: .*/  animals: {build: pets, database: main}/' culm.yml
"""
CACHE = """\
sed -i 's/^databases:/&\\n  cache: {engine: valkey}/' culm.yml
echo '  web: {database: cache}' >>culm.yml
culm up
"""
POLICY = """\
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::outbox/*"}
]}
"""

BEFORE: dict[tuple[str, str], str] = {
    ("aws-deploys.md", "culm rollback"): "sed -i 's/web: {/&environment: {ROUND: \"1\"}, /' culm.yml\n"
    "culm deploy web --target stg",
    ("aws.md", "culm vault put stg/accounts/settings"): "echo 'level = 1' >settings.toml",
    ("aws.md", "culm vault put stg/accounts/database.url"): "echo postgresql://a:b@db.example.com/a >database.url",
    ("aws.md", "aws secretsmanager"): "export AWS_ENDPOINT_URL=@account@\necho https://hooks.example.com >webhook.txt",
    ("aws.md", "culm down"): "unset AWS_ENDPOINT_URL",
    ("ci.md", "culm diff"): "culm up --target stg",
    ("configuration.md", "culm vault put stg/accounts/settings.toml"): "culm up --target stg --yes\n"
    "mkdir -p some/folder && echo 'level = 1' | tee settings.stg.toml some/folder/more.toml",
    ("configuration.md", "culm vault diff"): "culm vault put prd/accounts/more.toml settings.stg.toml --target stg",
    ("cookbook.md", "culm vault ls stg"): "echo 'level = 1' | tee settings.prd.toml\n"
    "culm vault put stg/accounts/a.toml settings.prd.toml --target stg",
    ("what-you-see.md", "culm open --target"): "culm up --target staging --yes",
    ("README.md", 'eval "$(culm cluster env)"'): "culm up",
    ("after.md", "culm exec accounts -- sh"): "echo true >repair.sh",
    ("after.md", "culm rollback"): CHANGED.format("orders", 1) + " && culm deploy orders",
    ("coming-from-compose.md", "culm import"): "cd ../../.. && mkdir compose && cd compose\n"
    + SERVER.format("web")
    + f"{COMPOSE}docker-compose.yml",
    ("coming-from-compose.md", "culm plan"): LOCAL_TARGET,
    ("cookbook.md", "culm vault get"): "rm -rf pets\n" + SERVER.format("pets") + PETS,
    ("cookbook.md", "culm db accounts <"): "echo 'select 1' >repair.sql",
    ("cookbook.md", "culm db web"): SERVER.format("web") + CACHE,
    ("identity.md", "aws iam put-role-policy --role-name bamboo-orders"): f"echo '{POLICY}' >policy.json",
    ("previews.md", "culm env up pr-42"): CHANGED.format("accounts", 3),
    ("previews.md", "culm env up pr-42 --from ../checkout"): "rm -rf ../checkout && cp -r . ../checkout",
    ("way-back.md", "culm history"): CHANGED.format("accounts", 2) + " && culm deploy accounts",
    ("what-you-see.md", "culm logs orders --task"): 'eval "$(culm cluster env)"',
    ("your-services.md", "culm init"): "cd ../../.. && mkdir mine && cd mine\n" + SERVER.format("web"),
    ("your-services.md", "culm up"): LOCAL_TARGET,
    ("your-services.md", "culm task -i"): "echo '{}' >data.json",
    ("your-services.md", "culm import docker"): f"rm culm.yml && {COMPOSE}docker-compose.yml",
    ("your-services.md", "culm import"): "rm -f culm.yml",
    ("your-services.md", "culm import compose.yml"): "mv docker-compose.yml compose.yml\n"
    "echo 'services: {web: {environment: {A: b}}}' >compose.prod.yml",
}
"""By page and the beginning of a command: what a reader has done by then. `@port@` is a free one."""

INSTEAD: dict[tuple[str, str], str] = {
    ("aws.md", "aws logs tail"): '(eval "$(culm cluster env)" && '
    "aws logs create-log-group --log-group-name /culm/bamboo.instances && "
    "aws logs filter-log-events --log-group-name /culm/bamboo.instances)",
    ("configuration.md", "culm vault get stg/accounts/settings.toml --version"): """\
culm vault get stg/accounts/settings.toml --target stg --version "$(culm vault history stg/accounts/settings.toml \
    --target stg --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[-1]["version"])')"\
""",
    ("way-back.md", "culm rollback accounts 5"): "culm rollback accounts "
    """$(culm history accounts --json | python3 -c 'import json; print(json.loads(input())["number"])')""",
    ("what-you-see.md", "culm logs orders --task"): "culm logs orders --task "
    "$(aws ecs list-tasks --cluster bamboo --service orders --query 'taskArns[0]' --output text | sed 's|.*/||')",
}
"""By page and the beginning of a command: the same with a number, an id or a version of the AWS CLI that is there."""

STATUS: dict[tuple[str, str], int] = {
    ("configuration.md", "culm vault diff"): 3,
    ("aws.md", "culm aws shell"): 1,  # i-0a1b is nobody's; into one that is there: tests/amazon/test_whole.py
}
"""By page and the beginning of a command: the exit status that it has besides 0."""

GOES_ON = re.compile(r"\S*culm (env )?(logs( \S+)* -f\b|open\b)")
"""Commands that last until Ctrl-C."""

AMAZON = re.compile(r"--target (?!local)|\bculm aws\b|--to prd|aws secretsmanager")
"""Commands that are about Amazon: they run on the stand-in for it."""

FIRST = ("README.md", "your-services.md", "four-ways.md", "cookbook.md")
"""The pages of the first hour, in the order in which they are read."""


def of(table: Mapping[tuple[str, str], T], command: Command) -> list[T]:
    """What a table has for a command."""
    name = command.page.rpartition("/")[2]
    return [each for (page, begins), each in table.items() if page == name and command.text.startswith(begins)]


def place(command: Command) -> str:
    """Where a command is run: `local`, `amazon`, or `nowhere`."""
    if of(ELSEWHERE, command):
        return "nowhere"
    return "amazon" if AMAZON.search(command.text) else "local"
