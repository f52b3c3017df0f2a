"""From a project to the inputs of AWS's operations: names, task definitions, rules. Pure; one function an operation.

This page is the room's face: `from culm import render`, then `render.task_definition(...)`.
"""

from culm.project.project import GOOD_PROBES, HEALTH_SECONDS, PROBE_TIMEOUT_SECONDS, STOP_SECONDS
from culm.render.load_balancers import (
    by_specificity,
    conditions,
    entrances,
    health_check,
    listener,
    load_balancer,
    paths_of,
    priorities,
    rewrites,
    routes,
    rule,
    target_group,
    target_group_attributes,
    tens,
    transforms,
)
from culm.render.names import bucket, execution_role_name, family, log_group, repositories, repository, vault_bucket
from culm.render.services import (
    INSTANCES_TAG,
    MOST_FAILURES,
    START_FIRST,
    STOP_FIRST,
    cluster_tags,
    deployment_configuration,
    percents,
    service,
)
from culm.render.surroundings import DRAIN_SECONDS, NO_ALIASES, Aliases, Input, Surroundings
from culm.render.task_definitions import (
    MIGRATION_LABEL,
    container_definition,
    definition,
    migration,
    task_definition,
)

__all__ = [
    "DRAIN_SECONDS",
    "GOOD_PROBES",
    "HEALTH_SECONDS",
    "INSTANCES_TAG",
    "MIGRATION_LABEL",
    "MOST_FAILURES",
    "NO_ALIASES",
    "PROBE_TIMEOUT_SECONDS",
    "START_FIRST",
    "STOP_FIRST",
    "STOP_SECONDS",
    "Aliases",
    "Input",
    "Surroundings",
    "bucket",
    "by_specificity",
    "cluster_tags",
    "conditions",
    "container_definition",
    "definition",
    "deployment_configuration",
    "entrances",
    "execution_role_name",
    "family",
    "health_check",
    "listener",
    "load_balancer",
    "log_group",
    "migration",
    "paths_of",
    "percents",
    "priorities",
    "repositories",
    "repository",
    "rewrites",
    "routes",
    "rule",
    "service",
    "target_group",
    "target_group_attributes",
    "task_definition",
    "tens",
    "transforms",
    "vault_bucket",
]
