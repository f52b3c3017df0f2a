"""What `up` makes of a project, less the tasks: nothing runs any here."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tests.based import based

from culm import render
from culm.cli.planning import of_target
from culm.deploy.base import answer
from culm.deploy.build.host import HostBuilder
from culm.deploy.images import TAG_LENGTH, Images, recipe
from culm.deploy.job import Job
from culm.operate.drift.compare import compare
from culm.operate.drift.look import look
from culm.plan import rollout
from culm.plan.calls import Call, resolved
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
        """All that `up` calls, in its order, from its own list of steps."""
        job = based(self.target, self.project)
        names, results = list(self.project.services), dict[str, Any]()
        images = {key: image for name in names for key, image in self.images_of(job, self.project.services[name])}
        plan = of_target(self.project, self.target, HostBuilder(), names)
        for step in rollout.deploy(self.project, job.survey, plan, names, images):
            if isinstance(step.act, Call):
                results[step.key] = answer(self.target, replace(step.act, input=resolved(step.act.input, results)))

    def images_of(self, job: Job, service: Service) -> Iterator[tuple[tuple[str, bool], str]]:
        """`uri@digest` of its images, which are there then."""
        for dockerfile, migrate in ((service.dockerfile, False), (service.migration, True)):
            if dockerfile is None:
                continue
            if not self.registry:
                self.tell_of(service, migrate=migrate)
            name = render.repository(self.project, service, migrate=migrate)
            wanted = recipe(service, self.target.settings, migrate=migrate)
            assert wanted is not None
            uri = job.survey.observed.repositories[name]
            yield (service.name, migrate), self.images.ensure(name, uri, wanted, ignore, ignore)

    def tell_of(self, one: Service, *, migrate: bool) -> None:
        name = render.repository(self.project, one, migrate=migrate)
        wanted = recipe(one, self.target.settings, migrate=migrate)
        assert wanted is not None
        tag = HostBuilder().fingerprint(wanted)[:TAG_LENGTH]
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
