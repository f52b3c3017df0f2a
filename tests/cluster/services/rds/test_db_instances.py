"""RDS through boto3, and the loop that makes the servers."""

from pathlib import Path

import pg8000.dbapi
import pytest
from botocore.exceptions import ClientError

from culm.cluster.database.servers import Databases
from culm.cluster.store import rds
from culm.cluster.store.db import Store

WISH = {
    "DBInstanceIdentifier": "main",
    "DBInstanceClass": "db.t4g.micro",
    "Engine": "postgres",
    "MasterUsername": "postgres",
    "MasterUserPassword": "correct horse",
    "AllocatedStorage": 20,
}


def test_a_created_instance_is_described_and_its_password_is_nowhere(cloud):
    client = cloud.client("rds")
    created = client.create_db_instance(**WISH, Tags=[{"Key": "culm:name", "Value": "bamboo"}])["DBInstance"]
    assert created["DBInstanceStatus"] == "creating"
    assert created["DBInstanceArn"].endswith(":db:main")

    (described,) = client.describe_db_instances(DBInstanceIdentifier="MAIN")["DBInstances"]
    assert described["TagList"] == [{"Key": "culm:name", "Value": "bamboo"}]
    assert "Endpoint" not in described
    assert "correct horse" not in "\n".join(cloud.db.iterdump())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Engine": "oracle-ee"}, "InvalidParameterValue"),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
        ({"DBInstanceIdentifier": "-x"}, "InvalidParameterValue"),
        ({"MasterUsername": "1a"}, "InvalidParameterValue"),
        ({"DBName": "a-b"}, "InvalidParameterValue"),
        ({"Port": 80}, "InvalidParameterValue"),
        ({"MultiAZ": True}, "InvalidParameterValue"),
    ],
)
def test_a_wrong_wish_is_refused(cloud, change, code):
    with pytest.raises(ClientError) as refused:
        cloud.client("rds").create_db_instance(**WISH | change)
    assert refused.value.response["Error"]["Code"] == code


def test_what_clients_send_at_its_default_is_taken_and_nothing_else(cloud):
    wish = {"DBInstanceClass": "db.t3.micro", "Engine": "postgres", "MasterUserPassword": "long enough"}
    usual = {
        "EnablePerformanceInsights": False, "EnableIAMDatabaseAuthentication": False, "ManageMasterUserPassword": False,
        "MultiAZ": False, "AutoMinorVersionUpgrade": True, "NetworkType": "IPV4", "DatabaseInsightsMode": "standard",
        "CACertificateIdentifier": "", "VpcSecurityGroupIds": [],
    }  # fmt: skip
    client = cloud.client("rds")
    client.create_db_instance(DBInstanceIdentifier="usual", MasterUsername="owner", **wish, **usual)
    with pytest.raises(ClientError, match="EnablePerformanceInsights = true; it takes false"):
        client.create_db_instance(DBInstanceIdentifier="other", EnablePerformanceInsights=True, **wish)


def test_the_same_identifier_twice_is_refused(cloud):
    client = cloud.client("rds")
    client.create_db_instance(**WISH)
    with pytest.raises(client.exceptions.DBInstanceAlreadyExistsFault):
        client.create_db_instance(**WISH)


def test_what_is_not_there_cannot_be_described_or_deleted(cloud):
    client = cloud.client("rds")
    with pytest.raises(client.exceptions.DBInstanceNotFoundFault):
        client.describe_db_instances(DBInstanceIdentifier="main")
    with pytest.raises(client.exceptions.DBInstanceNotFoundFault):
        client.delete_db_instance(DBInstanceIdentifier="main", SkipFinalSnapshot=True)


def test_deleting_wants_the_word_that_no_snapshot_is_wanted(cloud):
    client = cloud.client("rds")
    client.create_db_instance(**WISH)
    with pytest.raises(ClientError, match="FinalDBSnapshotIdentifier is required"):
        client.delete_db_instance(DBInstanceIdentifier="main")
    assert (
        client.delete_db_instance(DBInstanceIdentifier="main", SkipFinalSnapshot=True)["DBInstance"]["DBInstanceStatus"]
        == "deleting"
    )


def test_a_protected_instance_is_not_deleted(cloud):
    client = cloud.client("rds")
    client.create_db_instance(**WISH, DeletionProtection=True)
    with pytest.raises(ClientError, match="Cannot delete protected DB Instance"):
        client.delete_db_instance(DBInstanceIdentifier="main", SkipFinalSnapshot=True)


async def test_the_loop_makes_the_server_and_takes_it_away(cloud, tmp_path: Path):
    client = cloud.client("rds")
    client.create_db_instance(**WISH | {"Port": 16400, "DBName": "shop"})
    store = Store(cloud.db)
    loop = Databases(store, tmp_path, ["127.0.0.1"], network="127.0.0.0/8")
    assert await loop.step() == 1
    assert await loop.step() == 0

    (described,) = client.describe_db_instances()["DBInstances"]
    assert described["DBInstanceStatus"] == "available"
    endpoint = described["Endpoint"]
    pg8000.dbapi.connect(
        "postgres", host=endpoint["Address"], port=endpoint["Port"], database="shop", password="correct horse"
    ).close()

    client.delete_db_instance(DBInstanceIdentifier="main", SkipFinalSnapshot=True)
    assert await loop.step() == 1
    assert list(tmp_path.iterdir()) == []
    assert rds.instances.every(cloud.db) == []
