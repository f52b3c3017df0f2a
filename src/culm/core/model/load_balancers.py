"""Load balancers, listeners, rules, target groups and targets, in the words of the ELBv2 API.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Operations.html
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.record import members, record

TargetState = Literal["initial", "healthy", "unhealthy", "unused", "draining"]


@record
class LoadBalancer:
    load_balancer_arn: str
    load_balancer_name: str
    scheme: Literal["internet-facing", "internal"] = "internet-facing"
    vpc_id: str = "vpc-00000000000000001"
    """The default one, which has all that were made before there were others."""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    created_time: float
    """Epoch seconds."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Those that differ from AWS's defaults."""


@record
class Listener:
    listener_arn: str
    load_balancer_arn: str
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    port: int
    certificates: tuple[str, ...] = ()
    """ARNs, of HTTPS: the first one is for clients that name no domain, or one that no other is for."""
    ssl_policy: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    """Why the data plane cannot serve it: a fact, written by the balancer alone."""


@record
class QueryString:
    key: str | None = None
    value: str | None = None
    """Every pair of a rule that is kept has one."""


@record
class QueryStringConfig:
    values: tuple[QueryString, ...] = ()


@record
class PatternConfig:
    """Of a host-header or a path-pattern condition."""

    values: tuple[str, ...] = ()
    regex_values: tuple[str, ...] = ()


@record
class HttpHeaderConfig:
    http_header_name: str = ""
    values: tuple[str, ...] = ()
    regex_values: tuple[str, ...] = ()


@record
class ValuesConfig:
    """Of an http-request-method or a source-ip condition."""

    values: tuple[str, ...] = ()


@record
class Condition:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html"""

    field: str
    values: tuple[str, ...] = ()
    """The short form, for host-header and path-pattern."""
    regex_values: tuple[str, ...] = ()
    host_header_config: PatternConfig | None = None
    path_pattern_config: PatternConfig | None = None
    http_header_config: HttpHeaderConfig | None = None
    query_string_config: QueryStringConfig | None = None
    http_request_method_config: ValuesConfig | None = None
    source_ip_config: ValuesConfig | None = None


@record
class TargetGroupTuple:
    target_group_arn: str
    weight: int | None = None


@record
class TargetGroupStickinessConfig:
    enabled: bool = False
    duration_seconds: int | None = None


@record
class ForwardConfig:
    target_groups: tuple[TargetGroupTuple, ...] = ()
    target_group_stickiness_config: TargetGroupStickinessConfig | None = None


@record
class RedirectConfig:
    protocol: str = "#{protocol}"
    port: str = "#{port}"
    host: str = "#{host}"
    path: str = "/#{path}"
    query: str = "#{query}"
    status_code: Literal["HTTP_301", "HTTP_302"]


@record
class FixedResponseConfig:
    message_body: str | None = None
    status_code: str
    content_type: str | None = None


@record
class AuthenticateOidcConfig:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateOidcActionConfig.html"""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    user_info_endpoint: str
    client_id: str
    client_secret: str | None = None
    """Kept elsewhere, sealed: never in a rule that is stored or described."""
    session_cookie_name: str = "AWSELBAuthSessionCookie"
    scope: str = "openid"
    session_timeout: int = 604_800
    """Seconds."""
    authentication_request_extra_params: Mapping[str, str] = field(default_factory=dict)
    on_unauthenticated_request: Literal["deny", "allow", "authenticate"] = "authenticate"
    use_existing_client_secret: bool | None = None


@record
class Action:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html"""

    type: Literal["forward", "redirect", "fixed-response", "authenticate-oidc"]
    target_group_arn: str | None = None
    order: int | None = None
    redirect_config: RedirectConfig | None = None
    fixed_response_config: FixedResponseConfig | None = None
    forward_config: ForwardConfig | None = None
    authenticate_oidc_config: AuthenticateOidcConfig | None = None

    @property
    def target_groups(self) -> tuple[TargetGroupTuple, ...]:
        """Return the target groups of a forward action, from either of its two fields."""
        if self.forward_config and self.forward_config.target_groups:
            return self.forward_config.target_groups
        return (TargetGroupTuple(target_group_arn=self.target_group_arn),) if self.target_group_arn else ()


@record
class Rewrite:
    regex: str
    replace: str
    """`$1` is the regular expression's first group."""


@record
class RewriteConfig:
    rewrites: tuple[Rewrite, ...] = ()


@record
class Transform:
    """A rewrite of a request's path and query, or of its host, before it goes to a target.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleTransform.html
    """

    type: Literal["url-rewrite", "host-header-rewrite"]
    url_rewrite_config: RewriteConfig | None = None
    host_header_rewrite_config: RewriteConfig | None = None

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        """Return the rewrites of the one config that belongs to the type."""
        config = self.url_rewrite_config if self.type == "url-rewrite" else self.host_header_rewrite_config
        return config.rewrites if config else ()


@record
class Rule:
    """A rule of a listener; the one without a priority is its default rule."""

    rule_arn: str
    listener_arn: str
    priority: int | None
    """1 to 50000, evaluated from the lowest; None: the default rule, evaluated last."""
    conditions: tuple[Condition, ...] = ()
    actions: tuple[Action, ...]
    transforms: tuple[Transform, ...] = ()


ProtocolVersion = Literal["HTTP1", "HTTP2", "GRPC"]
"""What targets are spoken to with; HTTP/2 for the second and third."""
HTTP_CODE, GRPC_CODE = "200", "12"
"""What health checks expect where nothing else is said; 12 is gRPC's for a method that is not there."""
GRPC_PATH = "/AWS.ALB/healthcheck"


@record
class Matcher:
    http_code: str | None = None
    """`200`, `200,202`, `200-299`, or a mixture of these."""
    grpc_code: str | None = None
    """`12`, `0,12`, `0-99`: of groups whose targets speak gRPC."""


@members
class HealthCheck:
    """How a group's targets are looked at; AWS's defaults."""

    health_check_port: str = "traffic-port"
    health_check_path: str = "/"
    health_check_interval_seconds: int = 30
    health_check_timeout_seconds: int = 5
    healthy_threshold_count: int = 5
    unhealthy_threshold_count: int = 2
    matcher: Matcher = Matcher(http_code="200")


@record
class TargetGroup(HealthCheck):
    """AWS's defaults; seconds and counts."""

    target_group_arn: str
    target_group_name: str
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    """HTTPS: targets are spoken to with TLS, and whatever certificate they show is taken, as by AWS's."""
    protocol_version: ProtocolVersion = "HTTP1"
    port: int
    vpc_id: str | None = None
    target_type: Literal["instance", "ip"] = "instance"
    health_check_protocol: Literal["HTTP", "HTTPS", "TCP"] = "HTTP"
    """TCP, a connection that stays open, is for Service Connect's endpoints alone."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Those that differ from AWS's defaults."""

    @property
    def healthy_codes(self) -> str:
        """Return the codes that a healthy target answers with: HTTP statuses, or gRPC's where it speaks that."""
        if self.protocol_version == "GRPC":
            return self.matcher.grpc_code or GRPC_CODE
        return self.matcher.http_code or HTTP_CODE


INNER = "arn:aws:ecs:"
"""Begins the ARNs of what carries Service Connect: it is the cluster's own, and ELB's operations do not list it."""


@record
class RegisteredTarget:
    """What is registered with a target group (a wish), and its health (a fact, written by the balancer alone)."""

    target_group_arn: str
    id: str
    """An EC2 instance id, or an IP address, by the group's target type."""
    port: int
    registered_at: float
    """Epoch seconds."""
    deregistered_at: float | None = None
    """Set while it drains; its row goes when it has."""
    state: TargetState = "initial"
    reason: str | None = "Elb.RegistrationInProgress"
    description: str | None = "Target registration is in progress"
