"""What `up` makes of a project, less the tasks: nothing runs any here."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from culm import render
from culm.deploy import apply
from culm.deploy.build.host import HostBuilder
from culm.deploy.build.port import Recipe
from culm.deploy.images import TAG_LENGTH, Images
from culm.operate.drift.compare import compare
from culm.operate.drift.look import look
from culm.plan import diff
from culm.project.project import Project, Service
from culm.target.connection import Target

Undo = Callable[[], object]


def ignore(_: str) -> None:
    """Nobody listens."""


class Deployed:
    """`registry`: whether images can be pushed; moto's can only be told of them."""

    def __init__(self, project: Project, target: Target, *, registry: bool) -> None:
        self.project = project
        self.target = target
        self.registry = registry
        self.images = Images(target, HostBuilder())
        self.up()
        for _ in range(2):
            self.join()

    def up(self) -> None:
        """All that `up` calls, in its order, by its own functions."""
        live, around = apply.base(self.target, self.project, ignore)
        for one in self.project.services.values():
            published = self.published(one)
            wanted = render.task_definition(self.project, one, published.service, published.migration, around)
            found = live.services.get(one.name)
            revision = live.task_definitions.get(found["taskDefinition"]) if found else None
            if revision is not None and diff.task_definition_is(wanted, revision):
                arn = str(revision["taskDefinitionArn"])
            else:
                arn = apply.register(self.target, wanted, ignore)
            for change in (
                diff.rule(self.project, one, live),
                diff.service(self.project, one, live, arn, start_first=False),
            ):
                if change is not None:
                    apply.call(self.target, change)

    def published(self, one: Service) -> apply.Published:
        live, _ = apply.base(self.target, self.project, ignore)
        if not self.registry:
            for migrate in (False, True) if one.migration else (False,):
                self.tell_of(one, migrate=migrate)
        return apply.publish(self.images, self.project, one, live, ignore, ignore)

    def tell_of(self, one: Service, *, migrate: bool) -> None:
        name = render.repository(self.project, one, migrate=migrate)
        dockerfile = one.migration if migrate else one.dockerfile
        assert dockerfile is not None
        tag = HostBuilder().fingerprint(Recipe(folder=one.folder, dockerfile=dockerfile, args=one.args))[:TAG_LENGTH]
        if self.images.digest(name, tag) is None:
            self.client("ecr").put_image(repositoryName=name, imageTag=tag, imageManifest=manifest(name + tag))

    def join(self) -> str:
        """An instance more: its ARN."""
        answer = self.client("ecs").register_container_instance(
            cluster="bamboo",
            totalResources=[
                {"name": "CPU", "type": "INTEGER", "integerValue": 1024},
                {"name": "MEMORY", "type": "INTEGER", "integerValue": 995},
            ],
            attributes=[{"name": "ecs.instance-type", "value": "t2.micro"}],
            **self.identity(),
        )
        return str(answer["containerInstance"]["containerInstanceArn"])

    def identity(self) -> dict[str, str]:
        """moto wants a machine that it knows."""
        if self.registry:
            return {}
        ec2 = self.client("ec2")
        image = ec2.describe_images()["Images"][0]["ImageId"]
        [machine] = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType="t2.micro")["Instances"]
        return {"instanceIdentityDocument": json.dumps({"instanceId": machine["InstanceId"]})}

    def differences(self) -> list[str]:
        """`what field: wanted, live LIVE (who wins)`."""
        rows = compare(self.project, self.target.settings, look(self.target, self.project, self.images))
        return [f"{row.what} {row.field}: {row.wanted}, live {row.live} ({row.wins})" for row in rows]

    def client(self, service: str) -> Any:
        return self.target.client(service)

    # What seeds need.

    @property
    def listener(self) -> str:
        [lb] = self.client("elbv2").describe_load_balancers(Names=["bamboo"])["LoadBalancers"]
        [found] = self.client("elbv2").describe_listeners(LoadBalancerArn=lb["LoadBalancerArn"])["Listeners"]
        return str(found["ListenerArn"])

    def group(self, name: str) -> str:
        [found] = self.client("elbv2").describe_target_groups(Names=[name])["TargetGroups"]
        return str(found["TargetGroupArn"])

    def rule(self, group: str) -> str:
        arn = self.group(group)
        rules = self.client("elbv2").describe_rules(ListenerArn=self.listener)["Rules"]
        [found] = [rule for rule in rules if rule["Actions"][0].get("TargetGroupArn") == arn]
        return str(found["RuleArn"])

    def service(self, name: str) -> dict[str, Any]:
        [found] = self.client("ecs").describe_services(cluster="bamboo", services=[name])["services"]
        return dict(found)

    def revise(self, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Roll out another revision, as somebody would do in the console."""
        ecs = self.client("ecs")
        now = ecs.describe_task_definition(taskDefinition=self.service(name)["taskDefinition"])["taskDefinition"]
        taken = ("family", "taskRoleArn", "executionRoleArn", "networkMode", "requiresCompatibilities")
        given = {key: now[key] for key in (*taken, "containerDefinitions")}
        change(given)
        made = ecs.register_task_definition(**given)["taskDefinition"]
        ecs.update_service(cluster="bamboo", service=name, taskDefinition=made["taskDefinitionArn"])


def manifest(text: str) -> str:
    """An image's, of which only the digest matters."""
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": 1, "digest": sha256(text)}
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": sha256(text + "config")}
    kind = "application/vnd.oci.image.manifest.v1+json"
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]})


def sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
