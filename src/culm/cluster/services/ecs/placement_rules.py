"""What ECS refuses of placement constraints and strategies.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement.html
"""

import re
from collections.abc import Sequence

from culm.core.decide import query
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy
from culm.errors import AwsError

MOST_CONSTRAINTS = 10
MOST_STRATEGIES = 5
LONGEST_EXPRESSION = 2000
SPREAD_FIELD = re.compile(r"instanceId|host|attribute:[A-Za-z0-9_./\\-]{1,128}")


def check(constraints: Sequence[PlacementConstraint], strategies: Sequence[PlacementStrategy]) -> None:
    """Raise InvalidParameterException for constraints or strategies that ECS would refuse."""
    if len(constraints) > MOST_CONSTRAINTS:
        raise _refused(f"Placement constraints can have at most {MOST_CONSTRAINTS} items.")
    if len(strategies) > MOST_STRATEGIES:
        raise _refused(f"Placement strategy can have at most {MOST_STRATEGIES} items.")
    for constraint in constraints:
        _check_constraint(constraint)
    for strategy in strategies:
        _check_strategy(strategy)


def check_fargate(constraints: Sequence[PlacementConstraint], strategies: Sequence[PlacementStrategy]) -> None:
    """Raise InvalidParameterException where tasks on Fargate are to be placed by the caller's rules."""
    for given, noun in ((constraints, "constraints"), (strategies, "strategies")):
        if given:
            raise _refused(f"Placement {noun} are not supported with FARGATE launch type.")


def check_expression(expression: str) -> None:
    """Refuse what is not of the cluster query language."""
    if len(expression) > LONGEST_EXPRESSION:
        raise _refused(f"The expression is longer than {LONGEST_EXPRESSION} characters.")
    try:
        query.parse(expression)
    except query.QueryError as wrong:
        raise _refused(f"Invalid expression: {wrong}") from wrong


def _check_constraint(constraint: PlacementConstraint) -> None:
    if constraint.type == "distinctInstance":
        if constraint.expression:
            raise _refused("A distinctInstance placement constraint can not have an expression.")
    elif not constraint.expression:
        raise _refused("A memberOf placement constraint must have an expression.")
    else:
        check_expression(constraint.expression)


def _check_strategy(strategy: PlacementStrategy) -> None:
    match strategy.type:
        case "random":
            if strategy.field:
                raise _refused("The random placement strategy takes no field.")
        case "spread":
            if not SPREAD_FIELD.fullmatch(strategy.field or ""):
                raise _refused(f"Invalid field for the spread placement strategy: {strategy.field}")
        case "binpack":
            if (strategy.field or "").lower() not in ("cpu", "memory"):
                raise _refused(f"Invalid field for the binpack placement strategy: {strategy.field}")


def _refused(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
