"""What `databases.<name>.engine` may be, and what each engine has. Pure."""

from typing import Literal

Engine = Literal["postgres", "mysql", "mariadb", "valkey", "redis"]

SQL = ("postgres", "mysql", "mariadb")
"""On aws they are RDS instances; each service has a database of its own in them."""
CACHES = ("valkey", "redis")
"""On aws they are ElastiCache nodes; services that share one see the same keys."""
TITLES = {"postgres": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB", "valkey": "Valkey", "redis": "Redis"}
PORTS = {"postgres": 5432, "mysql": 3306, "mariadb": 3306, "valkey": 6379, "redis": 6379}
SCHEMES = {"postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql", "valkey": "redis", "redis": "redis"}
"""How a URL begins: clients of MariaDB take `mysql`, and those of Valkey take `redis`."""
EXTENSIONS = ("vector",)
"""Of PostgreSQL: those that the server which culm brings has, and RDS, too."""
FILE = "database.url"
"""The file of a service's first SQL database; every other one is `<name>.url`."""
CERTIFICATES = "rds.pem"
"""The vault's file with Amazon's certificates for RDS: a deploy writes it for services whose `files:` name it."""
TAKEN = ("load-balancer",)
"""Names whose `.url` is something else."""


def extension(text: str) -> str:
    """Return an extension of PostgreSQL that both targets have."""
    if text not in EXTENSIONS:
        raise ValueError(f"{text!r} is not in the PostgreSQL that culm brings; it has {', '.join(EXTENSIONS)}")
    return text
