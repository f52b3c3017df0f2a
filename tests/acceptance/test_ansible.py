"""Ansible's ECS modules say what shall be; said twice, the second time nothing is changed.

https://docs.ansible.com/ansible/latest/collections/community/aws/
"""

import re
from pathlib import Path

import pytest
from tests.acceptance.conftest import Cluster
from tests.acceptance.workshop import Workshop

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def ansible(workshop: Workshop) -> Path:
    return workshop.python("ansible==12.3.0", "boto3") / "ansible-playbook"


def changed(screen: str) -> int:
    recap = re.search(r"localhost +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=0", screen)
    assert recap, screen
    return int(recap[1])


def test_a_playbook_run_twice_changes_nothing_the_second_time(cluster: Cluster, ansible: Path, tmp_path: Path) -> None:
    around = {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False"}
    around |= {"ANSIBLE_HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}

    def play(book: str) -> int:
        python = ansible.parent / "python"
        extra = ["-e", f"image={cluster.images['1']}", "-e", f"ansible_python_interpreter={python}"]
        return changed(cluster.run(ansible, HERE / book, *extra, **around).screen)

    assert play("playbook.yml") == 5
    assert play("playbook.yml") == 0
    assert play("teardown.yml") == 5
    assert cluster.service("ansible", "web")["status"] == "INACTIVE"
