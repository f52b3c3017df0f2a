import json

import pytest

from culm.cluster.services.ecr import lifecycle_policies

DAY_SECONDS = 86_400


def rule(priority, **selection):
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def put_policy(web, *rules):
    text = json.dumps({"rules": rules})
    web.ecr.put_lifecycle_policy(repositoryName="web", lifecyclePolicyText=text)
    return text


def apply(web):
    return lifecycle_policies.apply(web.cloud.db, web.cloud.now)


def push(web, *tags):
    """One image a day."""
    for tag in tags:
        web.push(tag, tag=tag)
        web.cloud.clock.advance(DAY_SECONDS)


def tags(web):
    return sorted(tag for _, tag in web.listed() if tag)


def test_the_newest_images_stay(web):
    push(web, "v1", "v2", "v3")
    put_policy(web, rule(1, tagStatus="any", countType="imageCountMoreThan", countNumber=2))
    assert apply(web) == 1
    assert tags(web) == ["v2", "v3"]
    assert apply(web) == 0


def test_old_images_go(web):
    push(web, "v1", "v2", "v3")
    put_policy(web, rule(1, tagStatus="any", countType="sinceImagePushed", countUnit="days", countNumber=2))
    apply(web)
    assert tags(web) == ["v2", "v3"]


def test_untagged_images_go(web):
    push(web, "v1")
    web.push("moved", tag="v1")
    put_policy(web, rule(1, tagStatus="untagged", countType="sinceImagePushed", countUnit="days", countNumber=1))
    web.cloud.clock.advance(1)
    apply(web)
    assert len(web.listed()) == 1
    assert tags(web) == ["v1"]


def test_a_rule_looks_at_its_tags_only(web):
    push(web, "dev-1", "prd-1", "dev-2", "prd-2")
    put_policy(web, rule(1, tagStatus="tagged", tagPrefixList=["dev-"], countType="imageCountMoreThan", countNumber=1))
    apply(web)
    assert tags(web) == ["dev-2", "prd-1", "prd-2"]


def test_what_an_earlier_rule_matches_is_safe_from_a_later_one(web):
    push(web, "prd-1", "dev-1", "dev-2")
    put_policy(
        web,
        rule(2, tagStatus="any", countType="imageCountMoreThan", countNumber=1),
        rule(1, tagStatus="tagged", tagPatternList=["prd*"], countType="imageCountMoreThan", countNumber=9),
    )
    apply(web)
    assert tags(web) == ["dev-2", "prd-1"]


def test_an_image_that_an_index_lists_stays(web):
    image = web.push("a")
    web.cloud.clock.advance(1)
    web.put(web.index(image), tag="v1")
    put_policy(web, rule(1, tagStatus="untagged", countType="imageCountMoreThan", countNumber=1))
    assert apply(web) == 0
    put_policy(web, rule(1, tagStatus="any", countType="imageCountMoreThan", countNumber=1))
    assert apply(web) == 0


def test_a_policy_is_described_with_its_last_evaluation(web):
    with pytest.raises(web.ecr.exceptions.LifecyclePolicyNotFoundException, match="Lifecycle policy does not exist"):
        web.ecr.get_lifecycle_policy(repositoryName="web")
    text = put_policy(web, rule(1, tagStatus="any", countType="imageCountMoreThan", countNumber=1))
    push(web, "v1", "v2")
    apply(web)

    policy = web.ecr.get_lifecycle_policy(repositoryName="web")
    assert policy["lifecyclePolicyText"] == text
    assert policy["lastEvaluatedAt"].timestamp() == web.cloud.now

    web.ecr.delete_lifecycle_policy(repositoryName="web")
    push(web, "v3")
    assert apply(web) == 0


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("{", "truncated|malformed"),
        ({"rules": [{"rulePriority": 1}]}, "missing required field `selection`"),
        ({"rules": [rule(1, tagStatus="any", countType="sinceImagePulled", countNumber=1)]}, "sinceImagePulled"),
        ({"rules": [rule(1, tagStatus="any", countType="imageCountMoreThan", countNumber=0)]}, "at least 1"),
        ({"rules": [rule(1, tagStatus="any", countType="sinceImagePushed", countNumber=1)]}, "countUnit"),
        ({"rules": [rule(1, tagStatus="tagged", countType="imageCountMoreThan", countNumber=1)]}, "tagPrefixList"),
        (
            {
                "rules": [
                    rule(1, tagStatus="any", countType="imageCountMoreThan", countNumber=1),
                    rule(1, tagStatus="untagged", countType="imageCountMoreThan", countNumber=1),
                ]
            },
            "rulePriority must be different",
        ),
        (
            {
                "rules": [
                    rule(
                        1,
                        tagStatus="tagged",
                        tagPrefixList=["a"],
                        tagPatternList=["b"],
                        countType="imageCountMoreThan",
                        countNumber=1,
                    )
                ]
            },
            "not both",
        ),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(web, policy, why):
    text = policy if isinstance(policy, str) else json.dumps(policy)
    with pytest.raises(web.ecr.exceptions.InvalidParameterException, match=f"LifecyclePolicyText.*({why})"):
        web.ecr.put_lifecycle_policy(repositoryName="web", lifecyclePolicyText=text + " " * 100)


def test_a_preview_shows_what_a_policy_would_expire_and_by_which_rule(web):
    push(web, "v1", "v2")
    with pytest.raises(web.ecr.exceptions.LifecyclePolicyPreviewNotFoundException):
        web.ecr.get_lifecycle_policy_preview(repositoryName="web")
    text = json.dumps({"rules": [rule(7, tagStatus="any", countType="imageCountMoreThan", countNumber=1)]})

    started = web.ecr.start_lifecycle_policy_preview(repositoryName="web", lifecyclePolicyText=text)

    assert started["status"] == "IN_PROGRESS"
    preview = web.ecr.get_lifecycle_policy_preview(repositoryName="web")
    (result,) = preview["previewResults"]
    assert (result["imageTags"], result["appliedRulePriority"]) == (["v1"], 7)
    assert (preview["status"], preview["summary"]["expiringImageTotalCount"]) == ("COMPLETE", 1)
    assert tags(web) == ["v1", "v2"]


def test_a_policy_that_has_not_been_evaluated_yet_was_last_so_in_1970(web):
    put_policy(web, rule(1, tagStatus="any", countType="imageCountMoreThan", countNumber=1))
    assert web.ecr.get_lifecycle_policy(repositoryName="web")["lastEvaluatedAt"].timestamp() == 0
    apply(web)
    assert web.ecr.get_lifecycle_policy(repositoryName="web")["lastEvaluatedAt"].timestamp() == web.cloud.now
