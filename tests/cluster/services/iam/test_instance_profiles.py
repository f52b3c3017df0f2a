import pytest
from botocore.exceptions import ClientError


def profile(iam, name="ecs"):
    return iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]


def test_a_profile_has_a_role_and_gives_it_back(iam):
    """As Terraform makes and removes the role of container instances."""
    made = iam.create_instance_profile(InstanceProfileName="ecs", Path="/x/", Tags=[{"Key": "a", "Value": "b"}])
    assert made["InstanceProfile"]["Arn"] == "arn:aws:iam::000000000000:instance-profile/x/ecs"
    iam.add_role_to_instance_profile(InstanceProfileName="ecs", RoleName="web")
    assert [role["RoleName"] for role in profile(iam)["Roles"]] == ["web"]
    [of_role] = iam.list_instance_profiles_for_role(RoleName="web")["InstanceProfiles"]
    assert of_role["InstanceProfileName"] == "ecs"
    with pytest.raises(ClientError, match=r"DeleteConflict.*must remove roles from instance profile first"):
        iam.delete_role(RoleName="web")
    with pytest.raises(ClientError, match=r"DeleteConflict.*must remove roles from instance profile first"):
        iam.delete_instance_profile(InstanceProfileName="ecs")
    with pytest.raises(ClientError, match=r"LimitExceeded.*InstanceSessionsPerInstanceProfile: 1"):
        iam.add_role_to_instance_profile(InstanceProfileName="ecs", RoleName="web")

    iam.remove_role_from_instance_profile(InstanceProfileName="ecs", RoleName="web")
    iam.delete_role(RoleName="web")
    iam.delete_instance_profile(InstanceProfileName="ecs")
    with pytest.raises(ClientError, match=r"NoSuchEntity.*Instance Profile ecs cannot be found"):
        profile(iam)


def test_names_paths_and_tags_of_profiles(iam):
    iam.create_instance_profile(InstanceProfileName="a", Path="/x/")
    iam.create_instance_profile(InstanceProfileName="b")
    with pytest.raises(ClientError, match=r"EntityAlreadyExists.*Instance Profile a already exists"):
        iam.create_instance_profile(InstanceProfileName="a")
    with pytest.raises(ClientError, match=r"NoSuchEntity"):
        iam.remove_role_from_instance_profile(InstanceProfileName="a", RoleName="web")
    listed = iam.list_instance_profiles(PathPrefix="/x/")["InstanceProfiles"]
    assert [each["InstanceProfileName"] for each in listed] == ["a"]
    iam.tag_instance_profile(InstanceProfileName="a", Tags=[{"Key": "k", "Value": "1"}, {"Key": "l", "Value": "2"}])
    iam.untag_instance_profile(InstanceProfileName="a", TagKeys=["k"])
    assert iam.list_instance_profile_tags(InstanceProfileName="a")["Tags"] == [{"Key": "l", "Value": "2"}]


def test_a_role_is_changed_in_place(iam):
    iam.update_role(RoleName="web", Description="the web", MaxSessionDuration=7200)
    iam.update_role(RoleName="web", Description="the whole web")
    role = iam.get_role(RoleName="web")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("the whole web", 7200)
    assert iam.update_role_description(RoleName="web", Description="x")["Role"]["Description"] == "x"


def test_the_account_has_no_alias(iam):
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_a_services_own_role_is_made_once_and_removed(iam):
    made = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]
    assert made["Arn"].endswith(":role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")
    assert made["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ecs.amazonaws.com"}
    with pytest.raises(ClientError, match=r"InvalidInput.*AWSServiceRoleForECS has been taken"):
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    with pytest.raises(ClientError, match=r"InvalidInput.*no service-linked role for lex.amazonaws.com"):
        iam.create_service_linked_role(AWSServiceName="lex.amazonaws.com")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match=r"InvalidInput.*web is not a service-linked role"):
        iam.delete_service_linked_role(RoleName="web")
    with pytest.raises(ClientError, match=r"NoSuchEntity"):
        iam.get_service_linked_role_deletion_status(DeletionTaskId="task/other")
