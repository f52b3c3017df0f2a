"""Access logs: which buckets take them, and the lines of real requests through a real HAProxy."""

import gzip
import json
import re
import shlex
import shutil
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from botocore.exceptions import ClientError
from tests.certificates import a_certificate, an_authority
from tests.traffic import a_web, eventually, free_port

from culm.cluster.balancer.access_logs import AccessLogs
from culm.cluster.balancer.balancer import readable
from culm.cluster.balancer.haproxy import binary
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.interface import Group, Listener, Tls
from culm.cluster.store.db import Store
from culm.cluster.store.elbv2 import rules

SERVICE = {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
ON_PATH = shutil.which("haproxy")
OLD_ACCOUNT = {"AWS": "arn:aws:iam::127311923021:root"}


def allowing(principal: dict[str, str], resource: str, effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Principal": principal, "Action": "s3:PutObject", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def turn_on(elb: Any, load_balancer: str, bucket: str, prefix: str = "") -> None:
    values = {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": bucket, "access_logs.s3.prefix": prefix}
    elb.api.modify_load_balancer_attributes(
        LoadBalancerArn=load_balancer, Attributes=[{"Key": key, "Value": value} for key, value in values.items()]
    )


@pytest.fixture
def s3(cloud: Any) -> Any:
    made = cloud.client("s3")
    made.create_bucket(Bucket="logs")
    return made


@pytest.mark.parametrize("principal", [SERVICE, OLD_ACCOUNT])
def test_a_bucket_takes_access_logs_whose_policy_lets_elastic_load_balancing_write(
    elb: Any, s3: Any, principal: dict[str, str]
) -> None:
    s3.put_bucket_policy(Bucket="logs", Policy=allowing(principal, "arn:aws:s3:::logs/shop/AWSLogs/000000000000/*"))
    turn_on(elb, elb.load_balancer(), "logs", "shop")


@pytest.mark.parametrize(
    ("policy", "bucket", "prefix", "message"),
    [
        ("", "logs", "", "Access Denied for bucket: logs. Please check S3bucket permission"),
        ("", "other", "", "Access Denied for bucket: other"),
        (allowing(SERVICE, "arn:aws:s3:::logs/shop/*"), "logs", "", "Access Denied for bucket: logs"),
        (allowing(SERVICE, "arn:aws:s3:::logs/*", "Deny"), "logs", "", "Access Denied for bucket: logs"),
        (allowing({"AWS": "*"}, "arn:aws:s3:::logs/*"), "logs", "/a", "may not begin or end with a slash"),
        (allowing({"AWS": "*"}, "arn:aws:s3:::logs/*"), "", "", "'access_logs.s3.bucket' cannot be empty"),
    ],
)
def test_a_bucket_that_would_refuse_the_lines_is_refused(
    elb: Any, s3: Any, policy: str, bucket: str, prefix: str, message: str
) -> None:
    if policy:
        s3.put_bucket_policy(Bucket="logs", Policy=policy)
    with pytest.raises(ClientError, match=f"InvalidConfigurationRequest.*{re.escape(message)}"):
        turn_on(elb, elb.load_balancer(), bucket, prefix)


@pytest.fixture(params=["culm's", "on PATH"])
async def plane(tmp_path: Path, request: Any) -> AsyncIterator[HaproxyPlane]:
    if request.param == "on PATH" and ON_PATH is None:
        pytest.skip("no haproxy on PATH")
    made = HaproxyPlane(tmp_path / "lb", executable=Path(ON_PATH) if ON_PATH and request.param == "on PATH" else None)
    await made.start()
    yield made
    await made.stop()


async def test_each_request_is_a_line_in_the_bucket_as_an_alb_writes_it(
    elb: Any, s3: Any, cloud: Any, plane: HaproxyPlane
) -> None:
    s3.put_bucket_policy(Bucket="logs", Policy=allowing({"AWS": "*"}, "arn:aws:s3:::logs/*"))
    load_balancer, group, port = elb.load_balancer("shop"), elb.target_group("web"), free_port()
    turn_on(elb, load_balancer, "logs", "shop")
    listener = elb.listener(load_balancer, port)
    elb.rule(listener, group, "/web/*", priority=10)
    away = {"Type": "redirect", "RedirectConfig": {"Path": "/new", "StatusCode": "HTTP_301"}}
    old = [{"Field": "path-pattern", "Values": ["/old"]}]
    elb.api.create_rule(ListenerArn=listener, Priority=20, Conditions=old, Actions=[away])

    logs = AccessLogs(Store(cloud.db), plane.folder, now=cloud.clock, new_id=cloud.new_id)
    logs.listen()
    async with a_web() as web, httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        carried = Listener(port=port, rules=rules.of_listener(cloud.db, listener), access_log=True)
        await plane.apply([carried], [Group(arn=group, name="web", targets=(web.target,))])
        headers = {"User-Agent": 'a "browser" \t1', "Host": "shop.example.com"}
        assert (await client.get("/web/a b?q=%20", headers=headers)).status_code == 200
        assert (await client.get("/old")).status_code == 301
        assert (await client.get("/none")).status_code == 404
        assert (await client.get("/web/" + "x" * 15_000, headers={"User-Agent": "y" * 30_000})).status_code == 200
        await eventually(lambda: _held(logs, 4))
    assert await logs.step() == 1
    assert await logs.step() == 0
    await logs.close()

    [file] = s3.list_objects_v2(Bucket="logs")["Contents"]
    name = load_balancer.partition(":loadbalancer/")[2]
    assert re.fullmatch(
        r"shop/AWSLogs/000000000000/elasticloadbalancing/us-east-1/\d{4}/\d\d/\d\d/000000000000_elasticloadbalancing"
        rf"_us-east-1_{name.replace('/', '.')}_\d{{8}}T\d{{4}}Z_127\.0\.0\.1_\w{{8}}\.log\.gz",
        file["Key"],
    )
    text = gzip.decompress(s3.get_object(Bucket="logs", Key=file["Key"])["Body"].read()).decode()
    served, moved, nowhere, long = (shlex.split(each) for each in text.splitlines())
    assert {len(each) for each in (served, moved, nowhere, long)} == {30}

    assert served[0] == "http" and served[2] == name
    assert served[3].startswith("127.0.0.1:") and served[4] == web.name
    assert all(re.fullmatch(r"\d+\.\d{3}", seconds) for seconds in served[5:8])
    assert served[8:10] == ["200", "200"] and int(served[10]) > 50 and int(served[11]) > 50
    assert served[12] == f"GET http://shop.example.com:{port}/web/a%20b?q=%20 HTTP/1.1"
    assert served[13] == r"a \x22browser\x22 \x091"
    assert served[14:17] == ["-", "-", group] and served[17].startswith("Root=1-")
    assert served[20] == "10" and served[22:24] == ["forward", "-"] and served[25:27] == [web.name, "200"]
    assert served[1] >= served[21] and served[29].startswith("TID_")

    assert moved[4:10] == ["-", "-1", "-1", "-1", "301", "-"] and moved[20] == "20"
    assert moved[22] == "redirect" and moved[23].endswith("/new")
    assert nowhere[8] == "404" and nowhere[20] == "0" and nowhere[22] == "fixed-response"
    assert long[8] == "200" and len(long[13]) == 1000


@pytest.mark.skipif(ON_PATH is None or binary.tls_problem(Path(ON_PATH)) is not None, reason="no HAProxy for TLS")
async def test_the_line_of_a_request_over_tls_names_its_certificate(
    elb: Any, s3: Any, cloud: Any, tmp_path: Path
) -> None:
    s3.put_bucket_policy(Bucket="logs", Policy=allowing({"AWS": "*"}, "arn:aws:s3:::logs/*"))
    load_balancer, port, pair = elb.load_balancer("shop"), free_port(), a_certificate("shop.example.com")
    turn_on(elb, load_balancer, "logs")
    cloud.clock.now = time.time()  # that of the handshake
    acm = cloud.client("acm")
    certificate = acm.import_certificate(Certificate=pair.body, PrivateKey=pair.private_key)["CertificateArn"]
    [made] = elb.api.create_listener(
        LoadBalancerArn=load_balancer,
        Protocol="HTTPS",
        Port=port,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Listeners"]
    plane = HaproxyPlane(tmp_path / "lb", executable=Path(str(ON_PATH)))
    await plane.start()
    logs = AccessLogs(Store(cloud.db), plane.folder, now=cloud.clock, new_id=cloud.new_id)
    logs.listen()
    try:
        tls = Tls(certificates=tuple(readable(cloud.db, [certificate]).values()))
        own = rules.of_listener(cloud.db, made["ListenerArn"])
        await plane.apply([Listener(port=port, rules=own, tls=tls, access_log=True)], [])
        trust = ssl.create_default_context(cadata=an_authority().body)
        trust.check_hostname = False
        async with httpx2.AsyncClient(verify=trust) as client:
            asked = {"sni_hostname": "shop.example.com"}
            assert (await client.get(f"https://127.0.0.1:{port}/", extensions=asked)).status_code == 404
        await eventually(lambda: _held(logs, 1))
        await logs.close()
    finally:
        await plane.stop()
    [file] = s3.list_objects_v2(Bucket="logs")["Contents"]
    text = gzip.decompress(s3.get_object(Bucket="logs", Key=file["Key"])["Body"].read()).decode()
    line = shlex.split(text)
    assert line[0] == "https" and line[14] != "-" and line[15].startswith("TLSv1.")
    assert line[18:20] == ["shop.example.com", certificate]


async def _held(logs: AccessLogs, count: int) -> bool:
    return logs.held == count
