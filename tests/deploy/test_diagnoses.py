"""What ECS says of instances that cannot run a task, and what helps."""

import pytest

from culm.deploy.diagnoses import LikelyCause, cure, in_health, in_output, in_title, unwell

PULL = "CannotPullContainerError: Error response from daemon:"


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("CannotStartContainerError: exec /app: exec format error", "another processor"),
        (f"{PULL} no matching manifest for linux/arm64/v8 in the manifest list entries", "another processor"),
        (f"{PULL} failed to register layer: write /usr/lib/x: no space left on device", "disk is full"),
        (f"{PULL} Get https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/: dial tcp 1.2.3.4:443: i/o timeout", "route"),
        (f"{PULL} pull access denied for web, repository does not exist or may require docker login", "execution role"),
        ("ECS was unable to assume the role 'arn:aws:iam::1:role/bamboo-web' that was provided", "the same command"),
        (
            "(service web) was unable to place a task because no container instance met all of its requirements. "
            "The closest matching (container-instance 0123) encountered error 'AGENT'.",
            "not connected",
        ),
        (
            "(service web) was unable to place a task because no container instance met all of its requirements. "
            "Reason: No Container Instances were found in your cluster.",
            "no instance has registered",
        ),
    ],
)
def test_each_ailment_has_its_cure(message: str, hint: str) -> None:
    assert hint in (cure(message) or "")


def test_what_is_the_services_own_fault_is_no_ailment() -> None:
    assert cure("Essential container in task exited") is None
    assert cure("OutOfMemoryError: Container killed due to memory usage") is None


def test_instances_that_take_no_tasks_are_named_with_why() -> None:
    arn = "arn:aws:ecs:us-east-1:1:container-instance/bamboo/0123"
    assert unwell(
        [
            {"ec2InstanceId": "i-1", "status": "ACTIVE", "agentConnected": True},
            {"ec2InstanceId": "i-2", "status": "ACTIVE", "agentConnected": False},
            {"containerInstanceArn": arn, "status": "DRAINING", "agentConnected": True},
            {"ec2InstanceId": "i-4", "status": "REGISTRATION_FAILED", "statusReason": "no ENI", "agentConnected": True},
        ]
    ) == [
        "instance i-2: its agent is disconnected",
        "instance 0123: DRAINING",
        "instance i-4: REGISTRATION_FAILED, no ENI",
    ]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("OSError: [Errno 98] Address already in use", "port that it listens on is taken"),
        ("Error: listen EADDRINUSE: address already in use :::8080", "port that it listens on is taken"),
        ("KeyError: 'API_TOKEN'", "variable of its environment is missing"),
        ("/app/start.sh: 3: API_TOKEN: parameter not set", "variable of its environment is missing"),
        ("Error: API_TOKEN is not set", "variable of its environment is missing"),
        (
            "decouple.UndefinedValueError: api_token not found. Declare it as envvar or ...",
            "its environment is missing",
        ),
        ("ValueError: missing required setting SECRET_KEY", "variable of its environment is missing"),
        ('connection to server at "127.0.0.1", port 5432 failed: Connection refused', "accepts no connections"),
        ("Error: connect ECONNREFUSED 127.0.0.1:5432", "accepts no connections"),
        ('FATAL:  password authentication failed for user "app"', "refuses the user"),
        ('sqlalchemy.exc.ProgrammingError: (UndefinedTable) relation "post" does not exist', "tables are not there"),
        ("Error: getaddrinfo ENOTFOUND db", "host name that nobody has"),
        ('could not translate host name "db" to address: Name or service not known', "host name that nobody has"),
        ("ModuleNotFoundError: No module named 'shop'", "module is not in the image"),
        ("Error: Cannot find module 'express'", "module is not in the image"),
        ("./start.sh: line 2: $'\\r': command not found", "Windows line ends"),
        ("Error: listen EACCES: permission denied 0.0.0.0:80", "may not listen on that port"),
        ("exec ./start.sh: no such file or directory", "what its first line or its libc names is not"),
        (
            "standard_init_linux.go:228: exec user process caused: no such file or directory",
            "what its first line or its libc names is not",
        ),
        ("python3: can't open file '/app/app.py': [Errno 2] No such file or directory", "the file that it starts"),
        ("FAILED: No config file 'alembic.ini' found, or file has no '[alembic]' section", "the file that it starts"),
        ("Error: Cannot find module '/opt/app/bin/www'", "the file that it starts"),
        ("Error: Cannot find module '/opt/app/node_modules/x/y.js'", "a module is not in the image"),
        ("sh: 0: cannot open start.sh: No such file", "the file that it starts"),
        (
            "npm error enoent Could not read package.json: Error: ENOENT: no such file, open '/srv/package.json'",
            "the file that it starts",
        ),
        ("OSError: libmagic.so.1: cannot open shared object file: No such file or directory", "a library is not in"),
        ("ImportError: cannot import name 'A' from 'shop.models' (/app/shop/models.py)", "a module of its own"),
        (
            "ImportError: cannot import name 'A' from partially initialized module 'shop' (most likely due to a "
            "circular import) (/app/shop.py)",
            "two modules import each other",
        ),
        (
            "ImportError: cannot import name 'A' from 'flask' (/usr/lib/python3.12/site-packages/flask/__init__.py)",
            "two packages do not fit each other",
        ),
    ],
)
def test_a_service_s_own_lines_tell_why_it_died_whatever_comes_after_them(line: str, cause: str) -> None:
    after = ["    at Server.listen (node:net:2099:5)", "npm error Lifecycle script `start` failed with error:"]
    finding = in_output(["starting", line, *after])
    assert finding is not None
    assert cause in finding.line
    assert line in finding.line
    assert finding.hint


def test_an_error_of_no_known_kind_is_shown_and_not_that_of_what_started_the_program() -> None:
    starter = "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>"
    lines = ["Traceback", "ValueError: no coffee", starter]
    finding = in_output(lines)
    assert finding is not None
    assert finding.line == "ValueError: no coffee"
    assert in_output(["GET /health 200", "bye"]) is None
    finding = in_output(["INFO context", "FAILED: Multiple head revisions are present"])
    assert finding is not None and finding.line.startswith("FAILED: ")


@pytest.mark.parametrize(
    ("page", "output", "cause"),
    [
        ("GET /web/health on 127.77.0.11:32768: Health checks failed with these codes: [302]", [], "a redirect (302)"),
        ("GET /web/health on i-1:32768: it answers 404", [], "not there (404)"),
        ("GET / on i-1:32768: Health checks failed with these codes: [401]", [], "wants a login (401)"),
        ("GET / on i-1:32768: Health checks failed with these codes: [500]", [], "fails (500)"),
        ("GET / on i-1:32768: Health checks failed, nobody listens there", [], "nobody listens where it is asked"),
        ("GET / on i-1:32768: Request timed out", [], "takes longer than it may"),
        ("GET / on i-1:32768: Health checks failed, what answers there is not HTTP", [], "does not speak plain HTTP"),
        (
            "GET / on i-1:32768: Health checks failed with these codes: [400]\n"
            "its answer begins: Client sent an HTTP request to an HTTPS server.",
            [],
            "does not speak plain HTTP",
        ),
        ("GET / on i-1:32768: Health checks failed", [" * Running on http://127.0.0.1:5000"], "own address alone"),
        ("GET / on i-1:32768: Health checks failed", ["Listening at http://localhost:3000"], "own address alone"),
    ],
)
def test_what_its_health_page_answers_tells_why_it_is_not_healthy(page: str, output: list[str], cause: str) -> None:
    finding = in_health([page], output, "/web")
    assert finding is not None
    assert cause in finding.line
    assert finding.hint


def test_a_service_that_listens_everywhere_is_not_said_to_listen_on_the_loopback_alone() -> None:
    output = [" * Running on all addresses (0.0.0.0)", " * Running on http://127.0.0.1:8000"]
    assert in_health(["GET / on i-1:8000: Health checks failed"], output, "") is None


def test_what_the_web_server_says_of_its_worker_is_not_the_cause() -> None:
    lines = (
        "[2026-01-01] [ERROR] Control server error: AF_UNIX path too long",
        "AttributeError: module 'collections' has no attribute 'MutableMapping'",
        "[2026-01-01] [ERROR] Worker (pid:12) exited with code 3.",
        "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>",
    )
    cause = in_output(lines)
    assert cause is not None
    assert "its Python is newer than the code" in cause.line and "MutableMapping" in cause.line
    assert "python:3.9-slim" in cause.hint


def test_gunicorns_words_for_a_taken_port_are_known() -> None:
    cause = in_output(["[ERROR] Connection in use: ('', 5000)", "[ERROR] Can't connect to ('', 5000)"])
    assert cause is not None and cause.line.startswith("the port that it listens on is taken")


def test_a_host_name_that_nobody_has_explains_why_nobody_listens() -> None:
    cause = in_health(["Health checks failed, nobody listens there"], ["bash: db: Name or service not known"], "")
    assert cause is not None and cause.line.startswith("it connects to a host name that nobody has")


def test_a_missing_variable_is_named_in_what_to_write() -> None:
    for line, written in (
        ("KeyError: 'POSTGRES_PASSWORD'", "secrets: {POSTGRES_PASSWORD: {from: '{main.password}'"),
        ("KeyError: 'DATABASE_URL'", "secrets: {DATABASE_URL: {from: '{main.url}'"),
        ("Error: API_BASE is not set", "environment: {API_BASE: value}"),
    ):
        cause = in_output([line])
        assert cause is not None and written in cause.hint, line


def test_a_setuptools_without_pkg_resources_is_told_from_a_module_that_is_missing() -> None:
    cause = in_output(["ModuleNotFoundError: No module named 'pkg_resources'"])
    assert cause is not None and "setuptools<81" in cause.hint


def test_the_last_exception_of_a_chain_is_the_cause_whatever_it_is_called() -> None:
    frames = ["Traceback (most recent call last):", '  File "/app/pool.py", line 3, in acquire', "    return take()"]
    between = ["", "During handling of the above exception, another exception occurred:", ""]
    lines = [*frames, "IndexError: pop from empty list", *between, *frames, "kombu.VersionMismatch: 6.1 or later"]
    cause = in_output([*lines, "worker: bye"])
    assert cause is not None
    assert cause.line == "kombu.VersionMismatch: 6.1 or later"


def test_of_several_lines_the_error_is_shown_and_not_the_code_that_raises_it() -> None:
    cause = in_output(
        ["  throw new ERR_MODULE_NOT_FOUND(", "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/app/lib/nowhere.js'"]
    )
    assert cause is not None and cause.line.endswith("Cannot find module '/app/lib/nowhere.js'")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("ImportError: cannot import name 'url_quote' from 'werkzeug.urls' (/x/urls.py)", "`werkzeug<3`"),
        ("ImportError: cannot import name 'escape' from 'jinja2' (/x/__init__.py)", "`jinja2<3.1`"),
        ("ModuleNotFoundError: No module named 'distutils'", "python:3.11-slim"),
        ("ModuleNotFoundError: No module named 'psycopg'", "`sqlalchemy<2.1`"),
        ("TypeError: __init__() got an unexpected keyword argument 'proxies'", "`httpx<0.28`"),
        ("    return templates.TemplateResponse('index.html', {'request': request})", "`starlette<1`"),
        ("redis.exceptions.AuthenticationError: Authentication required.", "REDIS_URL"),
        ("Error: error:0308010C:digital envelope routines::unsupported", "--openssl-legacy-provider"),
    ],
)
def test_what_is_newer_than_the_code_is_named_with_the_last_version_that_fits(line: str, hint: str) -> None:
    cause = in_output([line])
    assert cause is not None
    assert hint in cause.hint


def test_the_title_of_an_errors_page_tells_what_was_not_logged() -> None:
    flask = "its answer begins: redis.exceptions.ConnectionError: Error -2 connecting to redis:6379. Name not known."
    django = "its answer begins: OperationalError at /: no such table: todo"

    assert (cause := in_title([flask])) is not None
    assert "ConnectionError: Error -2 connecting to redis:6379" in cause.line
    assert in_title([django]) == LikelyCause(
        line="its health page fails: OperationalError at /: no such table: todo", hint="culm logs shows what it wrote"
    )
    assert in_title(["its answer begins: Internal Server Error"]) is None


def test_a_page_that_came_too_late_is_not_one_where_nobody_listens() -> None:
    line = "GET / on 127.9.1.2:32768: Request timed out, nobody listens there"

    slow, absent = (in_health([text], [], "") for text in (line, line.replace("Request timed out", "no answer")))

    assert slow is not None and "longer than it may" in slow.line
    assert absent is not None and "nobody listens" in absent.line


@pytest.mark.parametrize("complaint", ["field required (type=value_error.missing)", "Field required [type=missing]"])
def test_all_settings_that_pydantic_misses_are_named(complaint: str) -> None:
    cause = in_output(["pydantic.ValidationError: 2 validation errors for Settings", "db_host", f"  {complaint}"] * 2)

    assert cause is not None
    assert cause.line == "variables of its environment are missing: DB_HOST"
    assert "{DB_HOST: value}" in cause.hint


def test_a_client_that_reaches_no_server_here_is_not_one_that_listens_here() -> None:
    line = 'psql: error: connection to server at "127.0.0.1", port 5432 failed: FATAL: password authentication failed'

    cause = in_health(["GET / on 127.9.1.2:32768: no answer, nobody listens there"], [line], "")

    assert cause is not None
    assert "the database refuses the user" in cause.line


def test_a_health_page_that_fails_is_shown_with_what_the_service_raised() -> None:
    lines = ["Traceback (most recent call last):", '  File "a.py", line 1, in <module>', "KeyError: 'colour'"]
    page = ["GET / on 127.9.1.2:32768: Health checks failed with these codes: [500]"]

    cause, silent = in_health(page, lines, ""), in_health(page, [], "")

    assert cause is not None and cause.line == "its health page fails (500): KeyError: 'colour'"
    assert silent is not None and silent.line == "its health page fails (500)"
