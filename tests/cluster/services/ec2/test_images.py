"""Images, as Terraform's `aws_ami` and scripts look the newest one of ECS up."""

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def images(cloud):
    def images(owner="amazon", **filters):
        given = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        return cloud.client("ec2").describe_images(Owners=[owner], Filters=given)["Images"]

    return images


@pytest.mark.parametrize(
    "name",
    [
        "amzn2-ami-ecs-hvm-*-x86_64-ebs",
        "al2023-ami-ecs-hvm-2023*-x86_64",
        "amzn2-ami-hvm-*-x86_64-gp2",
        "al2023-ami-2023*-arm64",
    ],
)
def test_one_image_has_the_name_that_people_ask_for(images, name):
    [image] = images(name=name, virtualization_type="hvm", root_device_type="ebs", state="available")
    assert image["ImageOwnerAlias"] == "amazon"
    assert image["Architecture"] == name.rsplit("-", 1)[-1].replace("ebs", "x86_64").replace("gp2", "x86_64")


def test_the_public_parameter_names_one_of_them(cloud):
    name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    id = cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    [image] = cloud.client("ec2").describe_images(ImageIds=[id])["Images"]
    assert image["Name"].startswith("al2023-ami-ecs-hvm-2023")


def test_there_are_none_of_one_s_own_and_unknown_ids_are_told(images, cloud):
    assert images(owner="self") == []
    assert len(images(owner="591542846629")) == 4
    with pytest.raises(ClientError, match=r"InvalidAMIID\.NotFound"):
        cloud.client("ec2").describe_images(ImageIds=["ami-1"])
