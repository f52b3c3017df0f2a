"""A database that is reset is as a new one."""

import sqlite3

from culm.cluster.store import pristine
from culm.cluster.store import settings as kept
from culm.cluster.store.db import transact

TIMELESS = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def rows(db: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    tables = [row[0] for row in db.execute(TIMELESS)]
    return {table: [tuple(row) for row in db.execute(f"SELECT * FROM {table}")] for table in tables}


def test_nothing_is_left_of_what_was_made_and_the_default_vpc_is_back(cloud):
    new = rows(cloud.db)
    cloud.client("ecs").create_cluster(clusterName="shop")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="shop")
    s3.put_object(Bucket="shop", Key="a", Body=b"1")
    s3.put_object(Bucket="shop", Key="a", Body=b"2")
    cloud.client("secretsmanager").create_secret(Name="db", SecretString="hunter2")
    cloud.client("ecr").create_repository(repositoryName="shop/web")
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    at = int(cloud.now * 1000)
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": at, "message": "hello"}])
    ec2 = cloud.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    ec2.create_security_group(GroupName="mine", Description="mine", VpcId=vpc)
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "mine", "Value": "1"}])
    assert rows(cloud.db) != new

    transact(cloud.db, pristine.reset)

    assert rows(cloud.db) == new
    assert cloud.client("ecs").list_clusters()["clusterArns"] == []
    cloud.client("secretsmanager").create_secret(Name="db", SecretString="other")


def test_the_cluster_s_own_settings_stay(cloud):
    kept.put(cloud.db, "port", "4588")
    transact(cloud.db, pristine.reset)
    assert kept.get(cloud.db, "port") == "4588"


def test_servers_of_databases_go_when_they_have_stopped(cloud):
    cloud.client("rds").create_db_instance(
        DBInstanceIdentifier="main",
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        MasterUsername="culm",
        MasterUserPassword="hunter2hunter2",
        AllocatedStorage=20,
    )
    transact(cloud.db, pristine.reset)
    (instance,) = cloud.client("rds").describe_db_instances()["DBInstances"]
    assert instance["DBInstanceStatus"] == "deleting"
