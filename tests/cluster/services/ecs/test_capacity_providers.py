"""Capacity providers, as they are changed and waited for."""


def test_a_change_is_done_as_soon_as_it_is_asked_for(cloud):
    ecs = cloud.client("ecs")
    group = "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:culm:autoScalingGroupName/ecs"
    ecs.create_capacity_provider(name="ec2", autoScalingGroupProvider={"autoScalingGroupArn": group})
    [new] = ecs.describe_capacity_providers(capacityProviders=["ec2"])["capacityProviders"]
    assert "updateStatus" not in new
    scaling = {"managedScaling": {"targetCapacity": 80}}
    answer = ecs.update_capacity_provider(name="ec2", autoScalingGroupProvider=scaling)
    [changed] = ecs.describe_capacity_providers(capacityProviders=["ec2"])["capacityProviders"]
    for seen in (answer["capacityProvider"], changed):
        assert seen["updateStatus"] == "UPDATE_COMPLETE"
        assert seen["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"] == 80
