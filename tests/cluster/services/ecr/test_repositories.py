import datetime
import json

import pytest


@pytest.fixture
def ecr(cloud):
    return cloud.client("ecr")


def test_a_repository_is_described_as_it_was_created(cloud, ecr):
    ecr.create_repository(
        repositoryName="bamboo/accounts",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        tags=[{"Key": "team", "Value": "a"}],
    )

    (repository,) = ecr.describe_repositories()["repositories"]

    assert repository == {
        "repositoryArn": "arn:aws:ecr:us-east-1:000000000000:repository/bamboo/accounts",
        "registryId": "000000000000",
        "repositoryName": "bamboo/accounts",
        "repositoryUri": "127.0.0.1:4566/bamboo/accounts",
        "createdAt": datetime.datetime.fromtimestamp(cloud.now, tz=repository["createdAt"].tzinfo),
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def test_a_repository_exists_once(ecr):
    ecr.create_repository(repositoryName="web")
    text = "The repository with name 'web' already exists in the registry with id '000000000000'"
    with pytest.raises(ecr.exceptions.RepositoryAlreadyExistsException, match=text):
        ecr.create_repository(repositoryName="web")


@pytest.mark.parametrize("name", ["Web", "web/", "-web", "web//api"])
def test_a_name_that_docker_could_not_use_is_refused(ecr, name):
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid parameter at 'repositoryName'"):
        ecr.create_repository(repositoryName=name)


def test_a_repository_that_is_not_there_is_named(ecr):
    text = "The repository with name 'web' does not exist in the registry with id '000000000000'"
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException, match=text):
        ecr.describe_repositories(repositoryNames=["web"])


def test_another_accounts_registry_is_not_here(ecr):
    ecr.create_repository(repositoryName="web")
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException, match="registry with id '111122223333'"):
        ecr.describe_repositories(repositoryNames=["web"], registryId="111122223333")


def test_repositories_are_paged(ecr):
    for name in ("aa", "bb", "cc"):
        ecr.create_repository(repositoryName=name)
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    assert [[r["repositoryName"] for r in page["repositories"]] for page in pages] == [["aa", "bb"], ["cc"]]


def test_an_empty_repository_is_deleted(ecr):
    ecr.create_repository(repositoryName="web")
    assert ecr.delete_repository(repositoryName="web")["repository"]["repositoryName"] == "web"
    assert ecr.describe_repositories()["repositories"] == []


def test_a_repository_with_images_is_deleted_by_force_only(cloud, web):
    web.push("a", tag="v1")
    with pytest.raises(web.ecr.exceptions.RepositoryNotEmptyException, match="because it still contains images"):
        web.ecr.delete_repository(repositoryName="web")

    woken = cloud.woken
    web.ecr.delete_repository(repositoryName="web", force=True)

    assert cloud.woken == woken + 1
    assert cloud.db.execute("SELECT count(*) FROM ecr_image").fetchone()[0] == 0
    assert cloud.db.execute("SELECT count(*) FROM ecr_tag").fetchone()[0] == 0


def test_mutability_and_scanning_can_be_changed(ecr):
    ecr.create_repository(repositoryName="web")
    filters = [{"filterType": "WILDCARD", "filter": "latest"}]
    ecr.put_image_tag_mutability(
        repositoryName="web",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    ecr.put_image_scanning_configuration(repositoryName="web", imageScanningConfiguration={"scanOnPush": True})

    (repository,) = ecr.describe_repositories()["repositories"]

    assert repository["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert repository["imageTagMutabilityExclusionFilters"] == filters
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_exclusions_need_a_mutability_that_has_them(ecr):
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="imageTagMutabilityExclusionFilters"):
        ecr.create_repository(repositoryName="web", imageTagMutability="IMMUTABLE_WITH_EXCLUSION")


def test_a_policy_is_kept(ecr):
    ecr.create_repository(repositoryName="web")
    text = '{"Version": "2008-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}}'
    with pytest.raises(ecr.exceptions.RepositoryPolicyNotFoundException, match="Repository policy does not exist"):
        ecr.get_repository_policy(repositoryName="web")

    ecr.set_repository_policy(repositoryName="web", policyText=text)
    assert ecr.get_repository_policy(repositoryName="web")["policyText"] == text

    assert ecr.delete_repository_policy(repositoryName="web")["policyText"] == text
    with pytest.raises(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.delete_repository_policy(repositoryName="web")


@pytest.mark.parametrize(
    "wrong",
    [{"Principal": None}, {"Resource": "*"}, {"Action": "s3:GetObject"}, {"Principal": {"AWS": "somebody"}}, {"No": 1}],
)
def test_a_policy_speaks_of_the_repository_alone(ecr, wrong):
    ecr.create_repository(repositoryName="web")
    statement = {"Effect": "Allow", "Principal": "*", "Action": ["ecr:GetDownloadUrlForLayer", "ecr:Batch*"]}
    ecr.set_repository_policy(repositoryName="web", policyText=json.dumps({"Statement": [statement]}))
    statement = {key: value for key, value in (statement | wrong).items() if value is not None}
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid repository policy provided"):
        ecr.set_repository_policy(repositoryName="web", policyText=json.dumps({"Statement": [statement]}))


def test_a_policy_must_be_json(ecr):
    ecr.create_repository(repositoryName="web")
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid repository policy provided"):
        ecr.set_repository_policy(repositoryName="web", policyText="{")


def test_tags_are_put_and_taken(ecr):
    arn = ecr.create_repository(repositoryName="web", tags=[{"Key": "a", "Value": "1"}])["repository"]["repositoryArn"]

    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["b"])

    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "2"}]


def test_tags_need_a_repositorys_arn(ecr):
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid ARN"):
        ecr.list_tags_for_resource(resourceArn="web")
