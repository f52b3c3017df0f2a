"""`culm deploy`: a change reaches those who use the service, and they do not notice how."""

import json

from tests.scenarios.load import Load
from tests.scenarios.stand import Stand

MIGRATION = '''"""Nicknames"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("nickname", sa.Text, server_default="none yet"))


def downgrade() -> None:
    op.drop_column("accounts", "nickname")
'''


def test_a_deploy_under_load_adds_a_column_and_loses_no_request(bamboo: Stand) -> None:
    before = {arn: task["taskDefinitionArn"] for arn, task in bamboo.tasks().items()}
    old = {arn for arn, revision in before.items() if "/bamboo-accounts:" in revision}
    bamboo.post("/accounts/", {"email": "before@example.com", "name": "Kim"})
    bamboo.write("accounts/migrations/versions/0002_nicknames.py", MIGRATION)
    bamboo.edit(
        "accounts/accounts/tables.py",
        'Column("name", Text, nullable=False),',
        'Column("name", Text, nullable=False),\n    Column("nickname", Text, server_default="none yet"),',
    )
    bamboo.edit("accounts/accounts/accounts.py", "    name: str\n", "    name: str\n    nickname: str\n")

    with Load(bamboo.port, "/accounts/", "/accounts/health", "/catalog/") as load:
        said = bamboo.culm("deploy", "accounts", "--json", "--probe")
        load.flows()

    assert load.failures == []
    probe = json.loads(said.out)["probe"]
    assert probe["urls"] == [f"http://127.0.0.1:{bamboo.port}/accounts/health"]
    assert (probe["requests"] > 20, probe["failed"], probe["failures"]) == (True, 0, [])
    assert f"{probe['requests']:,} requests, 0 failed, p99 " in said.err
    assert {account["nickname"] for account in bamboo.get("/accounts/").body["items"]} == {"none yet"}
    after = {arn: task["taskDefinitionArn"] for arn, task in bamboo.tasks().items()}
    assert {arn: revision for arn, revision in before.items() if arn not in old}.items() <= after.items()
    assert len(after) == 4 and not old & set(after)
    ended = {arn.rpartition("/")[2] for arn in old}
    assert not [line for line in bamboo.processes().values() if any(task in line for task in ended)]
