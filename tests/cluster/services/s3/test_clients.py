"""S3 as other people's programs use it: over a socket, through the AWS CLI and boto3's transfer manager."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

MEBIBYTE = 1 << 20


def clis() -> list[str]:
    """The AWS CLI beside this Python, and an older one of the system if there is one."""
    beside = Path(sys.executable).with_name("aws")
    system = shutil.which("aws", path="/usr/bin:/usr/local/bin")
    return [str(beside)] + ([system] if system else [])


@pytest.fixture(params=clis())
def aws(request, endpoint, tmp_path):
    """Runs `aws s3 ...` and gives its output."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }

    def run(*words: str | Path) -> str:
        done = subprocess.run(
            [request.param, "--endpoint-url", endpoint, *map(str, words)],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_cli_copies_lists_syncs_and_removes(aws, tmp_path):
    folder = tmp_path / "conf"
    (folder / "deep").mkdir(parents=True)
    (folder / "app.yml").write_text("a: 1\n")
    (folder / "deep" / "ä b+c.yml").write_text("b: 2\n")
    (folder / "big.bin").write_bytes(os.urandom(9 * MEBIBYTE))

    aws("s3", "mb", "s3://vault")
    aws("s3", "sync", folder, "s3://vault/stg/accounts/")

    assert "ä b+c.yml" in aws("s3", "ls", "--recursive", "s3://vault")
    assert aws("s3", "sync", folder, "s3://vault/stg/accounts/") == ""
    aws("s3", "cp", "--recursive", "s3://vault/stg/accounts/", tmp_path / "back")
    assert filecmp.dircmp(folder, tmp_path / "back").diff_files == []
    assert filecmp.cmp(folder / "big.bin", tmp_path / "back" / "big.bin", shallow=False)
    aws("s3", "cp", "s3://vault/stg/accounts/big.bin", "s3://vault/copy.bin")
    aws("s3", "rm", "--recursive", "s3://vault")
    aws("s3", "rb", "s3://vault")  # it must be empty


def test_boto3_uploads_and_downloads_in_parts(endpoint, tmp_path):
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}),
    )
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(17 * MEBIBYTE))
    in_parts = TransferConfig(multipart_threshold=8 * MEBIBYTE, multipart_chunksize=5 * MEBIBYTE)

    client.create_bucket(Bucket="vault")
    client.upload_file(str(source), "vault", "big", Config=in_parts)
    client.download_file("vault", "big", str(target), Config=in_parts)

    assert filecmp.cmp(source, target, shallow=False)
    assert client.head_object(Bucket="vault", Key="big")["ETag"].endswith('-4"')
    client.close()
