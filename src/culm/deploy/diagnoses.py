"""What is wrong with the instances, told by what ECS says of tasks that they could not run; pure.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from culm.core.model.arn import last
from culm.core.model.record import record

OWN_PORT = (
    "where tasks are host processes they share this machine's ports: listen on $PORT (and $HOST), or let the command "
    "line name the port that the Dockerfile EXPOSEs; is it the load balancer's own, `targets: {local: {port: 9000}}`"
)


@record
class Symptom:
    """What a service's own lines say of its failure."""

    pattern: str
    cause: str
    hint: str


def older(pattern: str, requirement: str) -> Symptom:
    """Return the symptom of code that a later version of a package, or of Python, has left behind."""
    if requirement.startswith("python:"):
        return Symptom(
            pattern=pattern,
            cause="its Python is newer than the code",
            hint=f"name an older one, as {requirement}, in the Dockerfile's FROM",
        )
    hint = f"name `{requirement}` where the Dockerfile installs from, as requirements.txt"
    return Symptom(pattern=pattern, cause="a package is newer than the code", hint=hint)


OLDER = tuple(
    older(pattern, requirement)
    for pattern, requirement in (
        (r"cannot import name '(?:url_quote|url_encode|url_decode|url_parse)' from 'werkzeug", "werkzeug<3"),
        (r"cannot import name 'safe_str_cmp' from 'werkzeug|'BaseResponse' from 'werkzeug", "werkzeug<2.1"),
        (r"cannot import name 'cached_property' from 'werkzeug'", "werkzeug<1"),
        (r"cannot import name '(?:escape|Markup|contextfilter|evalcontextfilter)' from 'jinja2", "jinja2<3.1"),
        (r"cannot import name 'soft_unicode' from 'markupsafe'", "markupsafe<2.1"),
        (r"cannot import name 'json' from 'itsdangerous'", "itsdangerous<2.1"),
        (
            r"cannot import name '(?:_app_ctx_stack|_request_ctx_stack|JSONEncoder|Markup|escape)' from 'flask",
            "flask<2.3",
        ),
        (r"No module named 'flask\.(?:ext|_compat)'", "flask<2"),
        (
            r"BaseSettings\W.*has been moved|pydantic\.errors\.PydanticImportError|regex.* is removed\. use .pattern",
            "pydantic<2",
        ),
        (r"unexpected keyword argument 'proxies'", "httpx<0.28"),
        (r"\.TemplateResponse\(\s*[\"'][^\"']+[\"'], ", "starlette<1"),
        (r"No module named 'vine\.five'", "vine<5"),
        (r"Redis transport requires redis-py", "kombu<5.4"),
        (r"cannot import name '\w+' from 'collections'|module 'collections' has no attribute", "python:3.9-slim"),
        (
            r"No module named '(?:distutils|imp|asyncore|asynchat|smtpd)'|has no attribute 'ImpImporter'",
            "python:3.11-slim",
        ),
        (r"No module named '(?:cgi|crypt|telnetlib|imghdr|audioop|pipes)'", "python:3.12-slim"),
    )
)
"""What was removed, and the last version that had it."""
NOBODY = "it connects to a host name that nobody has"
MISSING = "a variable of its environment is missing"
SYMPTOMS = (
    Symptom(
        pattern=r"address already in use|EADDRINUSE|(?:address|connection) in use|port \d+ is (?:already )?in use",
        cause="the port that it listens on is taken",
        hint=OWN_PORT,
    ),
    Symptom(
        pattern=r"(?:\r|\\r)'?: (?:command )?not found|\^M: bad interpreter|env: .*(?:\r|\\r)|"
        r"illegal option -\r|line ends",
        cause="a script has Windows line ends",
        hint="save it with Unix ones (LF): `*.sh text eol=lf` in .gitattributes keeps them so",
    ),
    Symptom(
        pattern=r"^(?:standard_init_linux.*caused: |exec \S+: )no such file or directory$",
        cause="the program is there, and what its first line or its libc names is not",
        hint="a script's first line, `#!`, names its interpreter, with Windows line ends one whose name ends in \\r; a "
        "program that was built for another Linux (glibc, alpine's musl) lacks its loader",
    ),
    Symptom(
        pattern=r"exec format error",
        cause="the program is for another processor",
        hint="build the image for the processor that the instances have",
    ),
    Symptom(
        pattern=r"password authentication failed|(?:role|database) \S+ does not exist|access denied for user",
        cause="the database refuses the user",
        hint="take name and password from the url that `database:` gives, database.url in its configuration, or from "
        "variables: `secrets: {DB_USER: {from: '{main.user}', reason: its code reads it}}`, likewise '{main.password}' "
        "and '{main.name}'",
    ),
    Symptom(
        pattern=r"UndefinedTable|relation \S+ does not exist|table '\S+' doesn't exist",
        cause="its tables are not there",
        hint="what makes them is its migration: `migrate: {command: [...]}` for the service in culm.yml runs before it",
    ),
    Symptom(
        pattern=r"\bNOAUTH\b|\bWRONGPASS\b|Authentication required",
        cause="the cache wants the user and password of the service",
        hint="let the code read the whole url: `secrets: {REDIS_URL: {from: '{cache.url}', reason: its code reads "
        "it}}`, with the cache's name in `databases:`",
    ),
    Symptom(
        pattern=r"ERR_OSSL_EVP_UNSUPPORTED|error:0308010C",
        cause="its bundler is older than this Node.js",
        hint="`environment: {NODE_OPTIONS: --openssl-legacy-provider}` for the service in culm.yml",
    ),
    Symptom(
        pattern=r"connection refused|ECONNREFUSED|could not connect to server|can't connect to \S* ?server",
        cause="what it connects to accepts no connections, such as a database",
        hint="take its address from the url that `database:` gives, or from {NAME.url} in `environment:`",
    ),
    Symptom(
        pattern=r"could not translate host name|name or service not known|\bENOTFOUND\b|EAI_AGAIN|"
        r"no address associated|temporary failure in name resolution|no such host",
        cause=NOBODY,
        hint="names of a compose file's network are not known here: let the code read it from a variable, given "
        "in culm.yml: `environment: {REDIS_HOST: '{redis.host}'}`, `secrets: {REDIS_URL: {from: '{redis.url}', reason: "
        "its code reads it}}`, of a service '{NAME.url}'",
    ),
    Symptom(
        pattern=r"KeyError: '[A-Z][A-Z0-9_]*'|unbound variable|parameter (?:not set|null or not set)|"
        r"\w+ not found\. Declare it as envvar|"
        r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b.*(?:not set|not defined|missing|required|must be set|undefined)|"
        r"(?:not set|missing|required|must set|undefined).*\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|"
        r"(?:environment variable|env var)\b.*(?:not|missing|required)|(?:missing|required) (?:environment|env) var",
        cause=MISSING,
        hint="what is no secret: `environment: {NAME: value}` for the service in culm.yml; a database's login: "
        "`secrets: {NAME: {from: '{main.url}', reason: its code reads it}}`, or '{main.password}'; other secrets: "
        "`secrets: {NAME: {vault: FILE}}`, and `culm vault put` FILE",
    ),
    *OLDER,
    Symptom(
        pattern=r"No module named '?pkg_resources",
        cause="setuptools is newer than the code",
        hint="name `setuptools<81` where the Dockerfile installs from: later ones have no pkg_resources",
    ),
    Symptom(
        pattern=r"No module named 'psycopg'",
        cause="a module is not in the image",
        hint="name `psycopg[binary]` where the Dockerfile installs from; where only SQLAlchemy asks for it, "
        "`sqlalchemy<2.1` takes psycopg2 as before",
    ),
    Symptom(
        pattern=r"can't open file '[^']+': \[Errno 2\]|^(?:\w*sh: )?(?:\d+: )?(?:cannot|can't) open \S+: No such file|"
        r"enoent .*package\.json|No config file '[^']+' found|Cannot find module '/(?!\S*/node_modules/)\S+'$",
        cause="the file that it starts is not in the image",
        hint="COPY it in the Dockerfile: what a compose file mounts from this machine is not there",
    ),
    Symptom(
        pattern=r"ModuleNotFoundError|No module named|Cannot find module|ERR_MODULE_NOT_FOUND",
        cause="a module is not in the image",
        hint="the Dockerfile has to install it: name it in what it installs from, or COPY it",
    ),
    Symptom(
        pattern=r"most likely due to a circular import|partially initialized module",
        cause="two modules import each other",
        hint="move what both need into a third one, or import it where it is used",
    ),
    Symptom(
        pattern=r"ImportError: cannot import name '\w+' from '[\w.]+' \((?!.*(?:-packages|/lib/python))",
        cause="a module of its own does not have what is imported from it",
        hint="is the name spelled as it is defined, and is the newest file in the image?",
    ),
    Symptom(
        pattern=r"cannot open shared object file|error while loading shared libraries|Library not loaded",
        cause="a library is not in the image",
        hint="install its package in the Dockerfile: apt-get install -y --no-install-recommends ...",
    ),
    Symptom(
        pattern=r"ImportError: cannot import name '\w+' from|"
        r"AttributeError: module '[\w.]+' has no",
        cause="two packages do not fit each other, or not this Python",
        hint="what is installed is newer than the code: name the older version where the Dockerfile installs from, as "
        "`package<3` in requirements.txt, or an older Python in its FROM",
    ),
    Symptom(
        pattern=r"(?:bind|listen)\b.*(?:permission denied|EACCES)|(?:permission denied|EACCES).*\b(?:bind|listen)",
        cause="it may not listen on that port",
        hint="ports below 1024 are root's: listen on $PORT",
    ),
)
"""The first that any line shows counts: a port that is taken explains what comes after it."""
ERROR = re.compile(
    r"^\s*(?:[\w.]+\.)?\w*(?:Error|Exception|Fault|Exit)\b(?: \[\w+\])?: ?\S|^FAILED: \S|"
    r"\b(?:fatal|panic|error)\b\s*[:\]]",
    re.IGNORECASE,
)
RAISED = re.compile(r"[A-Za-z_][\w.]*: \S")
"""An exception with its message, at the line's beginning: frames are indented."""
HEEDLESS = re.compile(
    r"HaltServer|Worker failed to boot|Worker \(pid:\d+\) (?:exited|was sent)|Control server error|"
    r"npm (?:ERR!|error|notice)(?! enoent .*package\.json)|ELIFECYCLE",
    re.IGNORECASE,
)
"""Lines of what started the program: they follow from its own error."""
LOOPBACK = re.compile(
    r"^(?!.*\b(?:error|failed|fatal|refused|connect(?:ing|ion)?)\b).*(?:running|listening|started|serving|server|ready|available|local)\b.*(?:127\.0\.0\.1|localhost|\[::1\])",
    re.IGNORECASE,
)
EVERYWHERE = re.compile(r"0\.0\.0\.0|all (?:addresses|interfaces)|\[::\]|:::|127\.(?!0\.0\.1\b)\d+\.\d+\.\d+")


@record
class LikelyCause:
    """The likely cause of a failure, in a line for the screen, and what to try."""

    line: str
    hint: str = ""


def in_output(lines: Iterable[str]) -> LikelyCause | None:
    """Return what a service's last lines say of why it died; None when none of them looks like an error."""
    every = [*lines]
    kept = [line.strip() for line in every if line.strip() and not HEEDLESS.search(line)]
    if (known := missing_settings(kept) or symptom_of(kept)) is not None:
        return known
    if raised := last_raised(every):
        return LikelyCause(line=raised[:200])
    errors = [line for line in kept if ERROR.search(line)]
    return LikelyCause(line=errors[-1][:200]) if errors else None


def last_raised(lines: Sequence[str]) -> str:
    """Return the line that ends the last Python traceback, whatever its exception; empty without a traceback.

    Of a chain ("During handling of the above exception, another exception occurred") the last one ended the program.
    """
    begins = [number for number, line in enumerate(lines) if line.strip() == "Traceback (most recent call last):"]
    after = lines[begins[-1] + 1 :] if begins else ()
    return next((line.strip() for line in after if RAISED.match(line)), "")


def missing_settings(lines: Sequence[str]) -> LikelyCause | None:
    """Return the variables that pydantic's settings lack, each of which it names in the line before its complaint."""
    pairs = pairwise(lines)
    names = [
        name.upper() for name, what in pairs if re.fullmatch(r"\w+", name) and re.match(r"(?i)field required\b", what)
    ]
    if not names:
        return None
    each = next(symptom.hint for symptom in SYMPTOMS if symptom.cause == MISSING)
    listed = ", ".join(dict.fromkeys(names))
    return LikelyCause(
        line=f"variables of its environment are missing: {listed}", hint=each.replace("{NAME: ", f"{{{names[0]}: ")
    )


def symptom_of(lines: Iterable[str]) -> LikelyCause | None:
    """Return the likely cause by the first of `SYMPTOMS` that a line shows; None when no line shows any."""
    kept = [line.strip() for line in lines if not HEEDLESS.search(line)]
    for symptom in SYMPTOMS:
        matching = [line for line in kept if re.search(symptom.pattern, line, re.IGNORECASE)]
        if shown := next(filter(ERROR.search, matching), next(iter(matching), None)):
            return LikelyCause(line=f"{symptom.cause}: {shown[:200]}", hint=with_its_name(symptom.hint, shown))
    return None


VARIABLE = re.compile(
    r"KeyError: '(?P<key>[A-Z][A-Z0-9_]*)'|(?P<declared>\w+) not found\. Declare it as envvar|"
    r"\b(?P<word>[A-Z][A-Z0-9]*_[A-Z0-9_]+)\b"
)
"""As Python, python-decouple, or anybody else says which variable is missing."""
PASSWORD = re.compile(r"PASS(WORD|WD)?$|PWD$")


def with_its_name(hint: str, line: str) -> str:
    """Return the hint with the variable that the line names in the place of NAME, and what such a variable holds."""
    match = VARIABLE.search(line)
    if match is None or "{NAME: " not in hint:
        return hint
    name = match["key"] or match["declared"] or match["word"]
    if PASSWORD.search(name):
        hint = hint.replace("{main.url}", "{main.password}").replace(", or '{main.password}'", "")
    return hint.replace("{NAME: ", f"{{{name}: ")


FAILS = "its health page fails"
LATE = "its health page takes longer than it may"
TITLE = "its answer begins: "


def in_title(pages: Iterable[str]) -> LikelyCause | None:
    """Return what the title of an error's page says: frameworks put the exception there that they do not log."""
    titles = [line.removeprefix(TITLE).strip() for line in pages if line.startswith(TITLE)]
    if (known := symptom_of(titles)) is not None:
        return known
    errors = [title for title in titles if re.search(r"\w(?:Error|Exception|Configured)\b", title)]
    return LikelyCause(line=f"{FAILS}: {errors[0][:200]}", hint="culm logs shows what it wrote") if errors else None


def in_health(pages: Iterable[str], output: Iterable[str], prefix: str) -> LikelyCause | None:
    """Return why a health page that `pages` describe is not taken, by its codes and by what the service wrote.

    `prefix` is what the service's paths begin with, as `/shop`; empty where it has every path.
    """
    lines, text = [*output], "\n".join(pages)
    if (shown := next(filter(LOOPBACK.search, lines), None)) and not any(map(EVERYWHERE.search, lines)):
        what = f"it listens on this machine's own address alone: {shown.strip()[:200]}"
        return LikelyCause(line=what, hint="listen on 0.0.0.0: nobody outside of its container reaches 127.0.0.1 in it")
    code = re.search(r"codes: \[(\d+)\]|it answers (\d+)", text)
    status = int(code[1] or code[2]) if code else 0
    if 300 <= status < 400:
        hint = "let `health:` name a page that answers 200 itself, or take the code: health: {path: /, codes: 200-399}"
        return LikelyCause(line=f"its health page answers with a redirect ({status})", hint=hint)
    if status == 404:
        hint = "let `health:` name a page that is there"
        if prefix:
            hint += f"; requests come with their whole path: do its routes begin with {prefix}? else `strip: true`"
        return LikelyCause(line="its health page is not there (404)", hint=hint)
    if status in (401, 403):
        return LikelyCause(line=f"its health page wants a login ({status})", hint="let `health:` name one that is open")
    if status >= 500:
        raised = last_raised(lines)
        line = f"{FAILS} ({status}){': ' if raised else ''}{raised[:200]}"
        return LikelyCause(line=line, hint="culm logs shows what it wrote")
    if re.search(r"is not HTTP|HTTP request (?:was sent )?to (?:an )?HTTPS", text):
        hint = "the load balancer speaks plain HTTP with `port:`: no TLS there; what speaks no HTTP has `path: none`"
        return LikelyCause(line="it does not speak plain HTTP where it is asked", hint=hint)
    if "Request timed out" in text:
        hint = "let `health:` name a page that answers at once, or give it time: health: {path: /, timeout: 10s}"
        return LikelyCause(line=LATE, hint=hint)
    if "nobody listens there" in text:
        if (known := symptom_of(lines)) is not None:
            return known
        hint = "listen on $PORT (the port of `port:`), and on 0.0.0.0 rather than 127.0.0.1"
        return LikelyCause(line="nobody listens where it is asked: on another port, or on 127.0.0.1 alone", hint=hint)
    if "closed without an answer" in text:
        if (known := symptom_of(lines)) is not None:
            return known
        hint = "an engine takes connections for a container that does not listen: listen on `port:`, and on 0.0.0.0"
        return LikelyCause(line="nobody answers where it is asked: on another port, or on 127.0.0.1 alone", hint=hint)
    return None


KNOWN = (
    (
        r"exec format error|no matching manifest for|does not match the specified platform|"
        r"image operating system .* cannot be used",
        "the image is for another processor than the instances have: build it for theirs (docker build --platform "
        "linux/amd64 or linux/arm64), or take `instances:` of the other kind",
    ),
    (
        r"no space left on device",
        "the instance's disk is full: ECS removes images that are an hour old, twice an hour; replace the instance, "
        "or make images smaller",
    ),
    (
        r"CannotPull.*(?:i/o timeout|context deadline exceeded|request canceled|connection (?:refused|reset)|"
        r"dial tcp|no such host)",
        "the instance does not reach the registry: its subnet needs a route to the internet and a public address, its "
        "security group lets it out? culm aws diff",
    ),
    (
        r"CannotPull.*(?:denied|not authorized|403|no basic auth)",
        "the execution role may not fetch the image: culm aws diff shows what is otherwise in the stack",
    ),
    (
        r"unable to assume the role",
        "a role that was just made is known everywhere after some seconds: the same command again; else see its trust",
    ),
    (
        r"encountered error ['\"]?AGENT|agent (?:is )?(?:not connected|disconnected)",
        "the ECS agent of that instance is not connected: is the instance running and its disk not full? end it, and "
        "the auto scaling group starts another",
    ),
    (
        r"no container instances were found",
        "no instance has registered: it needs a minute or two after its start, the role of the stack, and a subnet "
        "with a route to the internet; culm aws diff",
    ),
)
"""What messages say, and what to try."""


def cure(message: str) -> str | None:
    """Return what to try, if the message is of a known ailment."""
    return next((hint for pattern, hint in KNOWN if re.search(pattern, message, re.IGNORECASE | re.DOTALL)), None)


def unwell(instances: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each container instance that takes no tasks, and why."""
    lines = []
    for instance in instances:
        name = instance.get("ec2InstanceId") or last(instance["containerInstanceArn"])
        if not instance.get("agentConnected", True):
            lines.append(f"instance {name}: its agent is disconnected")
        elif instance["status"] != "ACTIVE":
            reason = f", {instance['statusReason']}" if instance.get("statusReason") else ""
            lines.append(f"instance {name}: {instance['status']}{reason}")
    return lines
