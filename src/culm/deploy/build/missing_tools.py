"""Why an installation failed, by what its tools said: packages of the system that this machine lacks, and others; pure.

In a container a line of the Dockerfile installs such packages, which a host leaves out: `apt-get install libpq-dev`.
"""

import re

ENGINE_HINT = "its last lines say why; with a container engine: culm up --runtime docker"
WANTED = (
    (r"mysql_config not found|MYSQLCLIENT_CFLAGS|mysql\.h", "default-libmysqlclient-dev pkg-config"),
    (r"pg_config (?:executable )?(?:not found|is required)|libpq-fe\.h", "libpq-dev"),
    (r"Python\.h: No such file", "python3-dev"),
    (r"ffi\.h: No such file", "libffi-dev"),
    (
        r"RequiredDependencyException: jpeg|headers or library files could not be found for (?:jpeg|zlib)",
        "libjpeg-dev zlib1g-dev",
    ),
    (r"(?:ldap|lber|sasl)\.h: No such file", "libldap2-dev libsasl2-dev"),
    (r"xmlsec1? ?(?:is not installed|not found)|xmlsec\.h", "libxmlsec1-dev pkg-config"),
    (r"libxml/\S+\.h: No such file|xslt-config|libxml2 and libxslt", "libxml2-dev libxslt1-dev"),
    (r"openssl/\S+\.h: No such file|Failed to find OpenSSL", "libssl-dev pkg-config"),
    (r"gdal-config|geos_c\.h", "libgdal-dev libgeos-dev"),
    (r"[\"']?cairo[\"']? (?:not found|\(tried pkgconfig)", "libcairo2-dev pkg-config"),
    (r"\bmagic\.h: No such file", "libmagic-dev"),
    (r"sqlite3\.h: No such file", "libsqlite3-dev"),
    (r"CMake must be installed|cmake: (?:command )?not found|Could not find cmake", "cmake"),
    (r"(?:can't find|requires) Rust|cargo\b.*(?:not found|not installed|not on PATH)", "cargo"),
    (
        r"command '?\S*(?:gcc|cc|g\+\+|clang)'? failed: No such file|\b(?:gcc|g\+\+|cc|make)\b: (?:command )?not found"
        r"|not found: make|unable to execute '\S*(?:gcc|cc)'",
        "build-essential",
    ),
)
"""What compilers and their set-ups say, and Debian's packages that have it."""
HEADER = re.compile(r"fatal error: (?P<header>[\w./+-]+\.h(?:pp)?): No such file")


REASONS = (
    (
        r"404 Not Found - GET \S+?/(?P<what>(?:@|%40)?[\w.-]+(?:(?:/|%2[fF])(?!-)[\w.-]+)?)(?:/-/\S*)?(?:\s|$)",
        "the registry has no package {what}",
        "is it private, or gone? its registry and token belong into .npmrc",
    ),
    (
        r"(?P<what>package\.json and (?:package-lock|npm-shrinkwrap)\.json)[^\n]* (?:are|is) not in sync|"
        r"can only install packages when your (?P<both>package\.json and package-lock\.json)",
        "package-lock.json does not fit package.json",
        "run `npm install` in its folder, and commit package-lock.json",
    ),
    (
        r"npm (?:error|ERR!) (?:code )?ERESOLVE",
        "two packages want different versions of a third",
        "`legacy-peer-deps=true` in .npmrc installs them all the same",
    ),
    (
        r"node_modules/(?P<what>@types/[\w.-]+)/\S+: error TS\d+",
        "{what} is newer than its TypeScript",
        "name an older version of {what} in package.json, under devDependencies, or a newer typescript",
    ),
    (
        r"Missing script: \"?(?P<what>[\w:.-]+)",
        "package.json has no script {what}",
        "add it, or correct its name in the Dockerfile",
    ),
    (
        r"NoCompatiblePythonVersionFound|"
        r"[Pp]ython version \(?(?P<what>[\d.]+)\)? is not (?:supported|allowed) by the project|"
        r"requires a different Python|does not satisfy (?:the )?(?:Python|`?requires-python)",
        "the project wants another Python than this machine has",
        "install the one that it names: `pyenv install 3.9.9`; or, with a container engine: culm up --runtime docker",
    ),
    (
        r"Package (?P<what>\S+ \([^)]+\)) not found|"
        r"Could not find a version that satisfies the requirement (?P<pip>\S+)|"
        r"Because (?:there is no version of|there are no versions of) (?P<uv>\S+)",
        "no package index has {what}",
        "name a version that there is, where the Dockerfile installs from",
    ),
    (
        r"cannot import name 'Feature' from 'setuptools'|has no attribute 'Feature'|use_2to3 is invalid",
        "a package is older than the setuptools that builds it",
        "name a later version of it where the Dockerfile installs from, as `markupsafe>=1.1.1`; pip names it above",
    ),
    (
        r"(?P<what>\S+) (?:was|were) not found in the package registry",
        "no package index has {what}",
        "is it spelled as on the index? a private one is named by PIP_INDEX_URL or UV_INDEX",
    ),
)
"""What package managers say, the cause, and what to try. `what`, or another group that matched, is what it is about."""
EXCEPTIONS = re.compile(r"^(?:\[[\w.]+\]:)?\s*(?P<line>(?:[\w.]+\.)?\w*(?:Error|Exception)\b: ?\S.*)$", re.MULTILINE)
ERRORS = re.compile(r"^\s*(?P<line>(?:error|ERROR|fatal): \S.*)$", re.MULTILINE)


def cause(output: str) -> str:
    """Return in a line why an installation with this output failed; empty where nothing tells."""
    if packages_of(output):
        return f"this machine lacks {packages_of(output)}"
    for pattern, line, _ in REASONS:
        if match := re.search(pattern, output):
            return line.format(what=subject(match))
    for kind in (EXCEPTIONS, ERRORS):
        if errors := [match["line"] for match in kind.finditer(output)]:
            return errors[-1][:200]
    return ""


def subject(match: re.Match[str]) -> str:
    """Return what a reason is about."""
    return next((text for text in match.groupdict().values() if text), "it").replace("%2f", "/").replace("%40", "@")


def first_line(output: str) -> str:
    """Return the cause as the end of the line that says what failed: `: why`, or nothing."""
    why = cause(output)
    return f": {why}" if why else ""


def packages_of(output: str) -> str:
    """Return Debian's packages that an installation wanted, empty where it wanted none."""
    packages = [names for pattern, names in WANTED if re.search(pattern, output)]
    return " ".join(dict.fromkeys(" ".join(packages).split()))


def hint(output: str) -> str:
    """Return what to try for an installation that ended with this output."""
    if wanted := packages_of(output):
        return (
            f"this machine lacks what it is compiled with: apt-get install {wanted} (or your system's packages of "
            "these); or, with a container engine: culm up --runtime docker"
        )
    for pattern, _, advice in REASONS:
        if match := re.search(pattern, output):
            return advice.format(what=subject(match))
    if header := HEADER.search(output):
        return f"this machine lacks {header['header']}: install the package that has it; {ENGINE_HINT}"
    return ENGINE_HINT
