"""Which packages of the system a failed installation wanted from this machine, by what its compiler said; pure.

In a container a line of the Dockerfile installs them, which a host leaves out: `apt-get install libpq-dev`.
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


def hint(output: str) -> str:
    """Return what to try for an installation that ended with this output."""
    packages = [names for pattern, names in WANTED if re.search(pattern, output)]
    if packages:
        wanted = " ".join(dict.fromkeys(" ".join(packages).split()))
        return (
            f"this machine lacks what it is compiled with: apt-get install {wanted} (or your system's packages of "
            "these); or, with a container engine: culm up --runtime docker"
        )
    if header := HEADER.search(output):
        return f"this machine lacks {header['header']}: install the package that has it; {ENGINE_HINT}"
    return ENGINE_HINT
