"""Services by their AWS Cloud Map namespace, which no service of this cluster has.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServicesByNamespace.html
"""

from typing import Any

from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError


@record
class ListServicesByNamespaceInput:
    namespace: str


@operation("ecs", "ListServicesByNamespace")
def list_services_by_namespace(call: Call, req: ListServicesByNamespaceInput) -> dict[str, Any]:
    """Raise NamespaceNotFoundException: no service here is in a namespace that a client could name."""
    raise AwsError("NamespaceNotFoundException", f"The namespace {req.namespace} was not found.")
