"""The one load balancer, its listeners, who reaches it and whom it reaches. Pure.

Rules and target groups are the deploy's: what no rule takes is answered with 404 here.
"""

from collections.abc import Sequence
from typing import Any

from culm import render
from culm.aws.document import Att, Ref, Resources, Section, resource, tags
from culm.aws.network import Network
from culm.project.project import Project, TargetSettings

EPHEMERAL = (32768, 65535)
"""Host ports of tasks: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html"""
HTTP, HTTPS = 80, 443
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
"""TLS 1.3 and 1.2, forward secrecy alone.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""


def ports(settings: TargetSettings) -> list[int]:
    return [HTTP, HTTPS] if settings.domain else [settings.port or HTTP]


def section(project: Project, settings: TargetSettings, surroundings: render.Surroundings, network: Network) -> Section:
    """Return the load balancer, its listeners and who may reach it."""
    resources: Resources = {
        "LoadBalancerSecurityGroup": resource(
            "EC2::SecurityGroup",
            {
                "GroupDescription": f"The load balancer of {project.name}",
                "VpcId": network.vpc,
                "SecurityGroupIngress": [opened(cidr, port) for cidr in settings.allow for port in ports(settings)],
                "SecurityGroupEgress": [
                    {
                        "Description": "Tasks, each on a port of its own",
                        "IpProtocol": "tcp",
                        "FromPort": EPHEMERAL[0],
                        "ToPort": EPHEMERAL[1],
                        "DestinationSecurityGroupId": Att("InstanceSecurityGroup.GroupId"),
                    }
                ],
                "Tags": tags(Name=f"{project.name} load balancer"),
            },
        ),
        "LoadBalancer": resource(
            "ElasticLoadBalancingV2::LoadBalancer",
            {
                **render.load_balancer(project, surroundings),
                **({"Scheme": "internal"} if settings.internal else {}),
                "Subnets": network.public,
                "SecurityGroups": [Att("LoadBalancerSecurityGroup.GroupId")],
                "LoadBalancerAttributes": [
                    {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
                    {"Key": "routing.http.desync_mitigation_mode", "Value": "defensive"},
                ],
            },
            **({"DependsOn": network.routed} if network.routed else {}),
        ),
    }
    if settings.domain is None:
        resources["Listener"] = listener(surroundings)
        title = "Load balancer: HTTP. What no service's rule takes is answered with 404."
    else:
        resources |= encrypted(settings, settings.domain, surroundings)
        title = f"Load balancer: HTTPS for {settings.domain}, and HTTP leads to it.\n"
        title += "What no service's rule takes is answered with 404."
    if settings.internal:
        title += "\nIts addresses are private: it is for the VPC and what is joined to it."
    return Section(title=title, resources=resources)


def opened(cidr: str, port: int) -> dict[str, Any]:
    words = "Everybody" if cidr == "0.0.0.0/0" else "allow of culm.yml"
    return {"Description": words, "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": cidr}


def listener(surroundings: render.Surroundings, **changed: Any) -> dict[str, Any]:
    given = render.listener("", surroundings)
    return resource("ElasticLoadBalancingV2::Listener", {**given, "LoadBalancerArn": Ref("LoadBalancer"), **changed})


def encrypted(settings: TargetSettings, domain: str, surroundings: render.Surroundings) -> Resources:
    """Return the HTTPS listener of `domain`, its certificate and record where the zone is ours."""
    resources: Resources = {}
    certificate: Any = settings.certificate
    if settings.zone is not None:
        resources["Certificate"] = resource(
            "CertificateManager::Certificate",
            {
                "DomainName": domain,
                "ValidationMethod": "DNS",
                "DomainValidationOptions": [{"DomainName": domain, "HostedZoneId": settings.zone}],
            },
        )
        resources["Address"] = resource(
            "Route53::RecordSet",
            {
                "HostedZoneId": settings.zone,
                "Name": f"{domain}.",
                "Type": "A",
                "AliasTarget": {
                    "DNSName": Att("LoadBalancer.DNSName"),
                    "HostedZoneId": Att("LoadBalancer.CanonicalHostedZoneID"),
                },
            },
        )
        certificate = Ref("Certificate")
    resources["Listener"] = listener(
        surroundings, Protocol="HTTPS", Port=HTTPS, SslPolicy=TLS_POLICY, Certificates=[{"CertificateArn": certificate}]
    )
    redirecting = listener(surroundings, Protocol="HTTP", Port=HTTP, DefaultActions=redirect())
    # where the services' listener was on port 80 until now, it moves to 443 first: two cannot have one port
    resources["RedirectListener"] = {**redirecting, "DependsOn": "Listener"}
    return resources


def redirect() -> Sequence[dict[str, Any]]:
    secure = {"Protocol": "HTTPS", "Port": str(HTTPS), "StatusCode": "HTTP_301"}
    return [{"Type": "redirect", "RedirectConfig": secure}]
