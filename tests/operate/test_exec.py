"""ECS Exec's refusals in words that help."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from culm.operate.exec.task_session import refused
from culm.project.project import Project

TASK = {"taskArn": "arn:aws:ecs:us-east-1:000000000000:task/bamboo/0123456789abcdef0123456789abcdef"}


def an_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "in Amazon's words"}}, "ExecuteCommand")


def test_a_task_that_was_started_without_it_says_how_to_start_it_with_it(project: Project) -> None:
    web = project.services["web"]
    error = refused(web, TASK, an_error("InvalidParameterException"))
    assert error.what == "task 01234567 of web was started without ECS Exec"
    assert error.hint == "culm deploy web, then culm restart web"
    without = refused(replace(web, exec=False), TASK, an_error("InvalidParameterException"))
    assert without.hint.startswith("`exec: true` for web in culm.yml, culm deploy web")


@pytest.mark.parametrize("code", ["TargetNotConnectedException", "InvalidParameterException"])
def test_an_agent_that_does_not_answer_is_told_apart(project: Project, code: str) -> None:
    error = refused(project.services["web"], {**TASK, "enableExecuteCommand": True}, an_error(code))
    assert error.what == "ECS Exec does not reach web: in Amazon's words"
    assert "ssmmessages" in error.hint


def test_any_other_refusal_stays_what_it_is(project: Project) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        refused(project.services["web"], TASK, an_error("AccessDeniedException"))
