"""How much of the pure rings a run plays.

All of it, but for the second Python of `.ci/run` (CULM_SECOND_PYTHON=1). That looks for what a Python changes: syntax,
typing, asyncio, the standard library, compiled packages. So it leaves out the tests in which other programs do
the work, and those that play whole lives at moto's AWS with code that other tests of the same rooms run, too; and tries
properties with a tenth of the examples. GitHub's workflow plays all on each Python.

CULM_EXAMPLES multiplies the examples of properties: `make properties`.
"""

import os

TIMES = int(os.environ.get("CULM_EXAMPLES", "1"))
SECOND_PYTHON = bool(os.environ.get("CULM_SECOND_PYTHON"))
ELSEWHERE = {
    "what Amazon's stand-in makes of whole deploys; tests/deploy, tests/target and tests/operate run the same code": [
        "amazon",
        "operate/drift/test_compare.py",
    ],
    "whole stacks at moto's CloudFormation; tests/aws keeps what judges templates and differences": [
        "aws/test_commands.py",
        "aws/test_databases.py",
        "aws/test_failures.py",
        "aws/test_joining.py",
        "aws/test_private.py",
        "aws/test_refresh.py",
        "aws/test_service_roles.py",
        "aws/test_stack.py",
        "aws/test_transitions.py",
    ],
    "templates as files, judged by cfn-lint, which has a Python of its own": ["aws/test_template.py"],
    "programs that are not Python: HAProxy, databases, package managers, the AWS CLI, a shell, schema checkers": [
        "cluster/balancer/test_haproxy.py",
        "cluster/balancer/test_probes.py",
        "cluster/balancer/test_rules_in_haproxy.py",
        "cluster/database/test_mariadb.py",
        "cluster/database/test_postgres.py",
        "cluster/services/s3/test_clients.py",
        "deploy/build/test_patterns.py",
        "deploy/test_shared_database.py",
        "examples/test_entrypoint.py",
        "project/test_json_schema.py",
    ],
    "what files say, whoever reads them": ["docs", "house"],
}
"""Paths below tests, by why the second Python leaves them out."""


def examples(count: int) -> int:
    """Return how many examples of a property to try where `count` are usual."""
    return max(1, count // 10) if SECOND_PYTHON else count * TIMES
