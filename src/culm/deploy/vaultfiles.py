"""Files that the deploy itself puts into the vault: `<env>/<service>/<file>` in its bucket."""

from culm.deploy.observe import or_none
from culm.deploy.target import Target
from culm.manifest import render

OPERATOR = ".culm"
"""In a service's place: what no service may read. No service can have this name."""


def key(around: render.Surroundings, service: str, file: str) -> str:
    return f"{around.env}/{service}/{file}"


def get(target: Target, around: render.Surroundings, service: str, file: str) -> str | None:
    s3 = target.client("s3")
    answer = or_none(lambda: s3.get_object(Bucket=around.vault, Key=key(around, service, file)), "NoSuchKey")
    return answer["Body"].read().decode() if answer else None


def put(target: Target, around: render.Surroundings, service: str, file: str, text: str) -> None:
    target.client("s3").put_object(Bucket=around.vault, Key=key(around, service, file), Body=text.encode())
