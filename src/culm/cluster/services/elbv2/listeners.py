"""Listeners.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.elbv2 import attributes
from culm.cluster.services.elbv2.actions import check_protocol, check_secret, check_sign_in, checked_actions
from culm.cluster.services.elbv2.attributes import Attribute
from culm.cluster.services.elbv2.certificates import ListenerCertificate, tls_view, with_tls
from culm.cluster.services.elbv2.references import (
    find_listener,
    find_load_balancer,
    find_target_group,
    listener_arn,
    rule_arn,
)
from culm.cluster.services.elbv2.tags import Tag, put
from culm.cluster.store.elbv2 import listeners, rules, sign_ins, tags
from culm.cluster.wire.operations import Call, operation
from culm.core.model.load_balancers import Action, Listener, Rule
from culm.core.model.record import Stored, record
from culm.errors import AwsError

PROTOCOLS = ("HTTP", "HTTPS")


def checked_protocol(protocol: str) -> Literal["HTTP", "HTTPS"]:
    """Return the protocol of an application load balancer's listener. Raises ValidationError for another one."""
    match protocol:
        case "HTTP" | "HTTPS":
            return protocol
    raise AwsError("ValidationError", f"Listener protocol '{protocol}' must be one of '{', '.join(PROTOCOLS)}'")


@record
class MutualAuthentication:
    mode: Literal["off"] = "off"


@record
class CreateListenerInput:
    load_balancer_arn: str
    protocol: str | None = None
    port: int | None = None
    ssl_policy: str | None = None
    certificates: tuple[ListenerCertificate, ...] = ()
    mutual_authentication: MutualAuthentication = MutualAuthentication()
    default_actions: tuple[Action, ...]
    tags: Stored[tuple[Tag, ...]] = ()


@operation("elbv2", "CreateListener", wakes=True)
def create_listener(call: Call, req: CreateListenerInput) -> dict[str, Any]:
    """Create a listener with its default rule.

    Raises ValidationError without protocol and port, DuplicateListener for a port that is taken, and what its actions
    raise.
    """
    load_balancer = find_load_balancer(call, req.load_balancer_arn)
    if req.protocol is None:
        raise AwsError("ValidationError", "A listener protocol must be specified")
    if req.port is None:
        raise AwsError("ValidationError", "A listener port must be specified")
    listener = Listener(
        listener_arn=listener_arn(call, load_balancer),
        load_balancer_arn=load_balancer.load_balancer_arn,
        protocol=checked_protocol(req.protocol),
        port=req.port,
    )
    listener = with_tls(call, listener, req.ssl_policy, req.certificates)
    _check_port(call, listener)
    actions = checked_actions(call, listener, req.default_actions)
    check_secret(actions, there=False)
    listeners.save(call.db, listener)
    default = Rule(
        rule_arn=rule_arn(call, listener), listener_arn=listener.listener_arn, priority=None, actions=actions
    )
    rules.save(call.db, default)
    put(call, listener.listener_arn, req.tags)
    return {"listeners": [_view(call, listener)]}


@record
class ModifyListenerInput:
    listener_arn: str
    port: int | None = None
    protocol: str | None = None
    ssl_policy: str | None = None
    certificates: tuple[ListenerCertificate, ...] = ()
    mutual_authentication: MutualAuthentication = MutualAuthentication()
    default_actions: tuple[Action, ...] = ()


@operation("elbv2", "ModifyListener", wakes=True)
def modify_listener(call: Call, req: ModifyListenerInput) -> dict[str, Any]:
    """Change a listener's port, protocol, default certificate, policy or default actions.

    Raises DuplicateListener for a port that is taken, and what certificates and policies raise.
    """
    before = find_listener(call, req.listener_arn)
    protocol = checked_protocol(req.protocol or before.protocol)
    listener = replace(before, port=req.port or before.port, protocol=protocol)
    listener = with_tls(call, listener, req.ssl_policy, req.certificates)
    if listener != before:
        _check_port(call, listener)
        for rule in rules.of_listener(call.db, listener.listener_arn):
            check_sign_in(listener, rule.actions)
            for group in (each for action in rule.actions for each in action.target_groups):
                check_protocol(listener, find_target_group(call, group.target_group_arn))
        listeners.save(call.db, listener)
    if req.default_actions:
        actions = checked_actions(call, listener, req.default_actions)
        default = rules.default(call.db, listener.listener_arn)
        check_secret(actions, there=sign_ins.find(call.db, default.rule_arn) is not None)
        rules.save(call.db, replace(default, actions=actions))
    return {"listeners": [_view(call, listener)]}


@record
class DescribeListenersInput:
    load_balancer_arn: str = ""
    listener_arns: tuple[str, ...] = ()


@operation("elbv2", "DescribeListeners")
def describe_listeners(call: Call, req: DescribeListenersInput) -> dict[str, Any]:
    """Return listeners by ARN, or those of a load balancer.

    Raises ValidationError for both or neither, and ListenerNotFound.
    """
    if bool(req.load_balancer_arn) == bool(req.listener_arns):
        raise AwsError("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
    if req.listener_arns:
        looked_up = [listeners.find(call.db, arn) for arn in dict.fromkeys(req.listener_arns)]
        selected = [listener for listener in looked_up if listener]
        if len(selected) < len(looked_up):
            raise AwsError("ListenerNotFound", "One or more listeners not found")
    else:
        selected = list(
            listeners.of_load_balancer(call.db, find_load_balancer(call, req.load_balancer_arn).load_balancer_arn)
        )
    return {"listeners": [_view(call, each) for each in selected]}


@record
class DeleteListenerInput:
    listener_arn: str


@operation("elbv2", "DeleteListener", wakes=True)
def delete_listener(call: Call, req: DeleteListenerInput) -> None:
    """Delete a listener with its rules and their tags. Raises ListenerNotFound."""
    listener = find_listener(call, req.listener_arn)
    for rule in rules.of_listener(call.db, listener.listener_arn):
        tags.forget(call.db, rule.rule_arn)
    tags.forget(call.db, listener.listener_arn)
    listeners.delete(call.db, listener.listener_arn)


@record
class DescribeListenerAttributesInput:
    listener_arn: str


@operation("elbv2", "DescribeListenerAttributes")
def describe_listener_attributes(call: Call, req: DescribeListenerAttributesInput) -> dict[str, Any]:
    listener = find_listener(call, req.listener_arn)
    return {"attributes": attributes.described(attributes.LISTENER, listener.attributes)}


@record
class ModifyListenerAttributesInput:
    listener_arn: str
    attributes: tuple[Attribute, ...]


@operation("elbv2", "ModifyListenerAttributes", wakes=True)
def modify_listener_attributes(call: Call, req: ModifyListenerAttributesInput) -> dict[str, Any]:
    """Set those attributes that are given. Raises the error of a key or a value that a listener cannot have."""
    listener = find_listener(call, req.listener_arn)
    merged = attributes.merged(attributes.LISTENER, listener.attributes, req.attributes, "Listener")
    listeners.save(call.db, replace(listener, attributes=merged))
    return {"attributes": attributes.described(attributes.LISTENER, merged)}


def _check_port(call: Call, wished: Listener) -> None:
    """All load balancers of this machine have one address between them, so a port serves one listener."""
    there = listeners.find_by_port(call.db, wished.port)
    if there is None or there.listener_arn == wished.listener_arn:
        return
    if there.load_balancer_arn == wished.load_balancer_arn:
        raise AwsError(
            "DuplicateListener",
            f"A listener already exists on this port for this load balancer '{wished.load_balancer_arn}'",
        )
    raise AwsError(
        "DuplicateListener",
        f"Port {wished.port} is served by '{there.listener_arn}', and culm's load balancers share one address: "
        "take another port",
    )


def _view(call: Call, listener: Listener) -> dict[str, Any]:
    return {
        "listener_arn": listener.listener_arn,
        "load_balancer_arn": listener.load_balancer_arn,
        "port": listener.port,
        "protocol": listener.protocol,
        **tls_view(listener),
        "default_actions": rules.default(call.db, listener.listener_arn).actions,
    }
