"""ElastiCache through boto3, and the loop that makes the servers."""

from pathlib import Path

import pytest
import redis
from botocore.exceptions import ClientError
from tests.cluster.database.test_valkey import needs_valkey

from culm.cluster.database.caches import Caches
from culm.cluster.database.keeper import Place
from culm.cluster.store import caches
from culm.cluster.store.db import Store

PASSWORD = "a long enough password"
GROUP = {
    "ReplicationGroupId": "shop-cache",
    "ReplicationGroupDescription": "cache of shop",
    "Engine": "valkey",
    "CacheNodeType": "cache.t4g.micro",
    "UserGroupIds": ["shop-cache"],
}
USER = {
    "UserId": "shop-cache-api", "UserName": "shop_api", "Engine": "valkey", "Passwords": [PASSWORD],
    "AccessString": "on ~* &* +@all -@admin",
}  # fmt: skip


def place(folder: Path) -> Place:
    return Place(folder=folder, addresses=["127.0.0.1"], gateway="127.0.0.1", network="127.0.0.0/8")


@pytest.fixture
def client(cloud):
    client = cloud.client("elasticache")
    client.create_user_group(UserGroupId="shop-cache", Engine="valkey")
    return client


def test_users_are_described_and_their_passwords_are_nowhere(cloud, client):
    client.create_user(**USER)
    client.modify_user_group(UserGroupId="shop-cache", UserIdsToAdd=["shop-cache-api"])
    client.create_replication_group(**GROUP)
    (user,) = client.describe_users(UserId="SHOP-CACHE-API")["Users"]
    assert user["Authentication"] == {"Type": "password", "PasswordCount": 1}
    assert user["UserGroupIds"] == ["shop-cache"]
    (group,) = client.describe_user_groups()["UserGroups"]
    assert (group["UserIds"], group["ReplicationGroups"]) == (["shop-cache-api"], ["shop-cache"])
    assert PASSWORD not in "\n".join(cloud.db.iterdump())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Engine": "memcached"}, "InvalidParameterValue"),
        ({"ReplicationGroupId": "-x"}, "InvalidParameterValue"),
        ({"UserGroupIds": ["other"]}, "UserGroupNotFound"),
        ({"TransitEncryptionEnabled": True}, "InvalidParameterValue"),
        ({"NumCacheClusters": 2}, "InvalidParameterValue"),
        ({"Port": 80}, "InvalidParameterValue"),
    ],
)
def test_a_wrong_server_is_refused(client, change, code):
    with pytest.raises(ClientError) as refused:
        client.create_replication_group(**GROUP | change)
    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(
    "change",
    [
        {"AccessString": "on ~* +@all >secret"},
        {"AccessString": "on nopass ~* +@all"},
        {"AccessString": "on\nuser evil on nopass ~* +@all"},
        {"Passwords": ["short"]},
        {"UserName": "two words"},
        {"Engine": "memcached"},
    ],
)
def test_a_wrong_user_is_refused(client, change):
    with pytest.raises(ClientError) as refused:
        client.create_user(**USER | change)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_what_is_twice_or_not_there_is_refused_as_elasticache_does(client):
    client.create_user(**USER)
    client.create_replication_group(**GROUP)
    with pytest.raises(client.exceptions.UserAlreadyExistsFault):
        client.create_user(**USER)
    with pytest.raises(client.exceptions.UserGroupAlreadyExistsFault):
        client.create_user_group(UserGroupId="shop-cache", Engine="valkey")
    with pytest.raises(client.exceptions.ReplicationGroupAlreadyExistsFault):
        client.create_replication_group(**GROUP)
    with pytest.raises(client.exceptions.ReplicationGroupNotFoundFault):
        client.describe_replication_groups(ReplicationGroupId="none")
    with pytest.raises(client.exceptions.UserNotFoundFault):
        client.modify_user(UserId="none", Passwords=[PASSWORD])
    with pytest.raises(client.exceptions.UserGroupNotFoundFault):
        client.delete_user_group(UserGroupId="none")
    with pytest.raises(client.exceptions.InvalidUserGroupStateFault):
        client.delete_user_group(UserGroupId="shop-cache")


@needs_valkey
async def test_the_loop_makes_the_server_admits_users_and_takes_it_away(cloud, client, tmp_path: Path):
    client.create_replication_group(**GROUP | {"Port": 16500})
    loop = Caches(Store(cloud.db), place(tmp_path))
    assert await loop.step() == 1
    assert await loop.step() == 0

    (described,) = client.describe_replication_groups()["ReplicationGroups"]
    assert described["Status"] == "available"
    endpoint = described["NodeGroups"][0]["PrimaryEndpoint"]
    where = {"host": endpoint["Address"], "port": endpoint["Port"], "username": "shop_api", "password": PASSWORD}
    with redis.Redis(**where) as connection, pytest.raises(redis.AuthenticationError):
        connection.ping()

    client.create_user(**USER)
    client.modify_user_group(UserGroupId="shop-cache", UserIdsToAdd=["shop-cache-api"])
    assert await loop.step() == 1
    with redis.Redis(**where) as connection:
        assert connection.ping()

    client.modify_user(UserId="shop-cache-api", Passwords=["quite another password"])
    assert await loop.step() == 1
    with redis.Redis(**where) as connection, pytest.raises(redis.AuthenticationError):
        connection.ping()

    client.delete_replication_group(ReplicationGroupId="shop-cache")
    assert await loop.step() == 1
    assert list(tmp_path.iterdir()) == []
    assert caches.groups.every(cloud.db) == []


@needs_valkey
async def test_a_new_daemon_adopts_the_server_and_a_killed_one_comes_back(cloud, client, tmp_path: Path):
    client.create_replication_group(**GROUP | {"Port": 16600})
    client.create_user(**USER)
    client.modify_user_group(UserGroupId="shop-cache", UserIdsToAdd=["shop-cache-api"])
    store = Store(cloud.db)
    await Caches(store, place(tmp_path)).step()
    pid = int((tmp_path / "shop-cache" / "server.pid").read_text())
    next_daemon = Caches(store, place(tmp_path))
    await next_daemon.step()
    assert int((tmp_path / "shop-cache" / "server.pid").read_text()) == pid
    row = caches.groups.every(cloud.db)[0]
    await next_daemon.server(row).stop()
    assert await next_daemon.step() == 1
    assert next_daemon.server(row).running()
    await next_daemon.stop()
    assert not next_daemon.server(row).running()
