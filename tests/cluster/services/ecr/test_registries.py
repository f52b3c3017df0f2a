import json

import pytest


@pytest.fixture
def ecr(cloud):
    return cloud.client("ecr")


def policy(*actions, **more):
    statement = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | more]})


def test_a_registry_policy_is_kept_described_and_deleted_in_its_region(cloud, ecr):
    text = policy("ecr:CreateRepository", "ecr:ReplicateImage")
    assert ecr.put_registry_policy(policyText=text)["policyText"] == text
    assert ecr.get_registry_policy()["policyText"] == text
    elsewhere = cloud.client("ecr", "eu-west-1")
    with pytest.raises(ecr.exceptions.RegistryPolicyNotFoundException):
        elsewhere.get_registry_policy()

    assert ecr.delete_registry_policy()["registryId"] == "000000000000"
    missing = "Registry policy does not exist in the registry with id '000000000000'"
    with pytest.raises(ecr.exceptions.RegistryPolicyNotFoundException, match=missing):
        ecr.delete_registry_policy()


@pytest.mark.parametrize(
    "text", [policy("ecr:CreateRepository", "ecr:DescribeRepositories"), policy("ecr:CreateRepository", Resource=[])]
)
def test_a_registry_policy_grants_only_what_a_registry_can(ecr, text):
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="'Invalid registry policy provided'"):
        ecr.put_registry_policy(policyText=text)


def test_a_registry_replicates_nothing(ecr):
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}


def test_repositories_are_scanned_as_the_most_frequent_rule_that_matches_says(ecr):
    for name in ("web", "api"):
        ecr.create_repository(repositoryName=name)
    on_push = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "w*", "filterType": "WILDCARD"}]}
    always = {"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": [{"filter": "eb", "filterType": "WILDCARD"}]}

    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[on_push, always])

    answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=["web", "api", "gone"])
    web, api = answer["scanningConfigurations"]
    assert (web["scanFrequency"], web["appliedScanFilters"]) == ("CONTINUOUS_SCAN", always["repositoryFilters"])
    assert (api["scanFrequency"], api["appliedScanFilters"]) == ("MANUAL", [])
    assert [each["failureCode"] for each in answer["failures"]] == ["REPOSITORY_NOT_FOUND"]
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["scanType"] == "ENHANCED"
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="scanType BASIC"):
        ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[always])


def test_a_scan_without_a_scanner_says_so_and_the_next_waits_a_day(web):
    digest = web.push("a", tag="v1")
    asked = {"repositoryName": "web", "imageId": {"imageTag": "v1"}}
    with pytest.raises(web.ecr.exceptions.ScanNotFoundException, match="imageDigest:'null', imageTag:'v1'"):
        web.ecr.describe_image_scan_findings(**asked)

    assert web.ecr.start_image_scan(**asked)["imageId"] == {"imageDigest": digest, "imageTag": "v1"}

    assert "no scanner" in web.ecr.describe_image_scan_findings(**asked)["imageScanStatus"]["description"]
    (described,) = web.ecr.describe_images(repositoryName="web")["imageDetails"]
    assert described["imageScanStatus"]["status"] == "UNSUPPORTED_IMAGE"
    with pytest.raises(web.ecr.exceptions.LimitExceededException, match="Wait and try again"):
        web.ecr.start_image_scan(**asked)


def test_repository_policies_may_name_their_statements_as_they_like(ecr):
    ecr.create_repository(repositoryName="web")
    statement = {"Sid": "new statement", "Effect": "Allow", "Principal": "*", "Action": "ecr:DescribeImages"}
    text = json.dumps({"Version": "2008-10-17", "Statement": [statement, statement]})
    assert ecr.set_repository_policy(repositoryName="web", policyText=text)["policyText"] == text


def test_the_key_that_encrypts_a_repository_is_described_where_none_was_named(cloud, ecr):
    def key(client, name):
        made = client.create_repository(repositoryName=name, encryptionConfiguration={"encryptionType": "KMS"})
        return made["repository"]["encryptionConfiguration"]["kmsKey"]

    here = key(ecr, "web")
    assert here.startswith("arn:aws:kms:us-east-1:000000000000:key/")
    assert key(ecr, "api") == here
    assert key(cloud.client("ecr", "eu-west-1"), "job").startswith("arn:aws:kms:eu-west-1:000000000000:key/")


def test_a_wrong_member_is_refused_in_ecrs_words(ecr):
    wrong = (
        "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: "
        "[IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]'"
    )
    with pytest.raises(ecr.exceptions.InvalidParameterException) as refused:
        ecr.put_image_tag_mutability(repositoryName="web", imageTagMutability="often")
    assert refused.value.response["Error"]["Message"] == wrong
