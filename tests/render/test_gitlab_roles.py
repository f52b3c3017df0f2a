"""Whom the roles of CI trust on GitLab, as the local cluster's own IAM judges it."""

import json

import pytest

from culm.core.decide.policies import trusts
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Ask
from culm.render import Input, gitlab_roles

ACCOUNT = "000000000000"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"
PATH = "team/apps/shop"
MAIN = f"project_path:{PATH}:ref_type:branch:ref:main"
FEATURE = f"project_path:{PATH}:ref_type:branch:ref:feature/x"
TAG = f"project_path:{PATH}:ref_type:tag:ref:main"
FORK = f"project_path:fork/{PATH}:ref_type:branch:ref:main"
SIBLING = "project_path:team/apps/shop2:ref_type:branch:ref:main"


def trusted(policy: Input, subject: str, audience: str = "https://gitlab.com", provider: str = PROVIDER) -> bool:
    context = {"gitlab.com:sub": (subject,), "gitlab.com:aud": (audience,)}
    asked = Ask(action="sts:AssumeRoleWithWebIdentity", principals=(provider,), account=ACCOUNT, context=context)
    return trusts(parse(json.dumps(policy)), asked, [])


@pytest.mark.parametrize(
    ("role", "subjects"),
    [
        (gitlab_roles.deploy_trust(PROVIDER, PATH), {MAIN}),
        (gitlab_roles.plan_trust(PROVIDER, PATH), {MAIN, FEATURE}),
    ],
    ids=["deploy", "plan"],
)
def test_each_role_trusts_branches_of_the_project_alone(role: Input, subjects: set[str]) -> None:
    assert {each for each in (MAIN, FEATURE, TAG, FORK, SIBLING) if trusted(role, each)} == subjects
    assert not trusted(role, MAIN, audience="somebody")
    assert not trusted(role, MAIN, provider=PROVIDER.replace("gitlab", "other"))
