"""The project's own buckets. They outlive the stack, as what is in them is the services'. Pure."""

from culm import render
from culm.aws.document import Section, kept, logical, substituted
from culm.project.project import Project


def section(project: Project, surroundings: render.Surroundings) -> Section:
    everything = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    resources = {
        f"Bucket{logical(name)}": kept(
            "S3::Bucket",
            {
                "BucketName": substituted(render.bucket(project, name, surroundings.account, surroundings.region)),
                "PublicAccessBlockConfiguration": dict.fromkeys(everything, True),
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            },
        )
        for name in project.buckets
    }
    return Section(title="Buckets: of the services, closed to the world. They outlive this stack.", resources=resources)
