"""Attributes: which there are, what they are by default, and which values mean something here."""

import re
from collections.abc import Mapping, Sequence

from culm.core.model.record import record
from culm.errors import AwsError


@record
class Attribute:
    """An attribute as the API shows it."""

    key: str = ""
    value: str = ""


@record
class Known:
    default: str
    honoured: range | tuple[str, ...] | re.Pattern[str] | None = ()
    """The other values that are taken; None: any, for it is only kept and described back."""


_SWITCH = ("true", "false")
_OFF_ONLY = ()
_PRINTABLE = re.compile(r"[ -~]{0,1024}")

LOAD_BALANCER: Mapping[str, Known] = {
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
    "access_logs.s3.bucket": Known(default="", honoured=None),
    "access_logs.s3.enabled": Known(default="false", honoured=_SWITCH),
    "access_logs.s3.prefix": Known(default="", honoured=None),
    "client_keep_alive.seconds": Known(default="3600", honoured=None),
    "connection_logs.s3.bucket": Known(default="", honoured=None),
    "connection_logs.s3.enabled": Known(default="false", honoured=_OFF_ONLY),
    "connection_logs.s3.prefix": Known(default="", honoured=None),
    "deletion_protection.enabled": Known(default="false", honoured=_SWITCH),
    "health_check_logs.s3.bucket": Known(default="", honoured=None),
    "health_check_logs.s3.enabled": Known(default="false", honoured=_OFF_ONLY),
    "health_check_logs.s3.prefix": Known(default="", honoured=None),
    "idle_timeout.timeout_seconds": Known(default="60", honoured=range(1, 4001)),
    "load_balancing.cross_zone.enabled": Known(default="true", honoured=None),
    "routing.http.desync_mitigation_mode": Known(default="defensive", honoured=None),
    "routing.http.drop_invalid_header_fields.enabled": Known(default="false", honoured=_SWITCH),
    "routing.http.preserve_host_header.enabled": Known(default="false", honoured=None),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": Known(default="false", honoured=None),
    "routing.http.x_amzn_tls_kx.enabled": Known(default="false", honoured=None),
    "routing.http.xff_client_port.enabled": Known(default="false", honoured=_SWITCH),
    "routing.http.xff_header_processing.mode": Known(default="append", honoured=("preserve", "remove")),
    "routing.http2.enabled": Known(default="true", honoured=_SWITCH),
    "waf.fail_open.enabled": Known(default="false", honoured=None),
    "zonal_shift.config.enabled": Known(default="false", honoured=None),
}

_RESPONSE_HEADERS = (
    "access_control_allow_credentials",
    "access_control_allow_headers",
    "access_control_allow_methods",
    "access_control_allow_origin",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "strict_transport_security",
    "x_content_type_options",
    "x_frame_options",
)

LISTENER: Mapping[str, Known] = {
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html
    "routing.http.response.server.enabled": Known(default="true", honoured=_SWITCH),
    **{
        f"routing.http.response.{header}.header_value": Known(default="", honoured=_PRINTABLE)
        for header in _RESPONSE_HEADERS
    },
}

TARGET_GROUP: Mapping[str, Known] = {
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
    "deregistration_delay.timeout_seconds": Known(default="300", honoured=range(0, 3601)),
    "load_balancing.algorithm.anomaly_mitigation": Known(default="off"),
    "load_balancing.algorithm.type": Known(default="round_robin", honoured=("least_outstanding_requests",)),
    "load_balancing.cross_zone.enabled": Known(default="use_load_balancer_configuration", honoured=None),
    "slow_start.duration_seconds": Known(default="0", honoured=range(30, 901)),
    "stickiness.app_cookie.cookie_name": Known(default="", honoured=None),
    "stickiness.app_cookie.duration_seconds": Known(default="86400", honoured=range(1, 604_801)),
    "stickiness.enabled": Known(default="false", honoured=_SWITCH),
    "stickiness.lb_cookie.duration_seconds": Known(default="86400", honoured=range(1, 604_801)),
    "stickiness.type": Known(default="lb_cookie", honoured=None),
    "target_group_health.dns_failover.minimum_healthy_targets.count": Known(default="1", honoured=None),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": Known(default="off", honoured=None),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": Known(default="1"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": Known(default="off"),
}


_COOKIE_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")
"""https://datatracker.ietf.org/doc/html/rfc6265#section-4.1.1"""
_STICKINESS_TYPES = ("app_cookie", "lb_cookie", "source_ip")
_OWN_COOKIES = ("AWSALB", "AWSALBAPP", "AWSALBTG")


def check_stickiness(protocol: str, values: Mapping[str, str]) -> None:
    """Raise the error of a target group that would follow what HTTP has not, or a cookie that nobody can set.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
    """
    kind = values["stickiness.type"]
    if kind not in _STICKINESS_TYPES:
        allowed = ", ".join(_STICKINESS_TYPES)
        raise AwsError("ValidationError", f"'Stickiness type' must be one of [{allowed}]")
    if kind == "source_ip":
        raise AwsError(
            "InvalidConfigurationRequest",
            f"Stickiness type 'source_ip' is not supported for target groups with the {protocol} protocol",
        )
    name = values["stickiness.app_cookie.cookie_name"]
    follows = values["stickiness.type"] == "app_cookie" and values["stickiness.enabled"] == "true"
    if follows and not name:
        raise AwsError(
            "InvalidConfigurationRequest",
            "You must set an application cookie name to enable stickiness of type 'app_cookie'",
        )
    if name and (not _COOKIE_NAME.fullmatch(name) or name.startswith(_OWN_COOKIES)):
        raise AwsError(
            "InvalidConfigurationRequest",
            f"stickiness.app_cookie.cookie_name cannot be '{name}': no cookie has such a name, or it is reserved",
        )


def response_headers(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what a listener's attributes do to the headers of responses; an empty value takes a header away."""
    own = {header: values[f"routing.http.response.{header}.header_value"] for header in _RESPONSE_HEADERS}
    given = [(header.replace("_", "-"), value) for header, value in own.items() if value]
    return (*given, *([("server", "")] if values["routing.http.response.server.enabled"] == "false" else []))


def merged(known: Mapping[str, Known], had: Mapping[str, str], given: Sequence[Attribute], noun: str) -> dict[str, str]:
    """Return what the resource had and what it is given now; `noun` is what an error calls the resource."""
    for attribute in given:
        _check(known, attribute, noun)
    return {**had, **{attribute.key: attribute.value for attribute in given}}


def described(known: Mapping[str, Known], had: Mapping[str, str]) -> list[Attribute]:
    """Return all of them, with the defaults where nothing was given."""
    return [Attribute(key=key, value=value) for key, value in effective(known, had).items()]


def effective(known: Mapping[str, Known], had: Mapping[str, str]) -> dict[str, str]:
    """Return every attribute that there is: as it was set, or its default."""
    return {key: had.get(key, each.default) for key, each in known.items()}


def _check(known: Mapping[str, Known], attribute: Attribute, noun: str) -> None:
    key, value = attribute.key, attribute.value
    if key not in known:
        raise AwsError("ValidationError", f"{noun} attribute key '{key}' is not recognized")
    taken = known[key].honoured
    if taken is None or value == known[key].default:
        return
    if isinstance(taken, range):
        if not value.isdigit() or int(value) not in taken:
            raise AwsError(
                "ValidationError", f"{noun} attribute '{key}' must be between {taken[0]} and {taken[-1]}, not '{value}'"
            )
    elif isinstance(taken, re.Pattern):
        if not taken.fullmatch(value):
            raise AwsError("ValidationError", f"{noun} attribute '{key}' cannot be {value!r}")
    elif value not in taken:
        raise AwsError("InvalidConfigurationRequest", f"culm does not support {key} = {value}")
