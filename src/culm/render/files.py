"""Files of the vault in containers of images that do not fetch them: `files:`. Pure.

A container of the AWS CLI runs before the service's own and copies each file into a volume of the task, with the task's
role. The service's container begins when that has ended with 0, and mounts the volumes, one a folder, read-only:

    files: {/etc/nginx/conf.d/site.conf: site.conf}

    volume     files-0
    files      aws s3 cp s3://VAULT/stg/web/site.conf /culm/files-0/site.conf
    web        files-0 at /etc/nginx/conf.d, dependsOn files: SUCCESS
"""

import json
import posixpath

from culm.core.model.task_definitions import FILES_LABEL
from culm.project.infer_service import FILES
from culm.project.project import Service
from culm.render.surroundings import Input, Surroundings

IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.17.0"
MEMORY = 128
"""MiB that the AWS CLI may take, while the service's own container has not begun."""
RESERVED = 8
"""MiB that count for the task; a container cannot have fewer than 6."""
CPU = 2


def folders(service: Service) -> list[str]:
    """Return the folders in the container that hold files, each a volume of its own."""
    return list(dict.fromkeys(posixpath.dirname(path) for path in service.container.files))


def volume_name(number: int) -> str:
    return f"{FILES}-{number}"


def volumes(service: Service) -> list[Input]:
    """Return the volumes of the task's own: empty when it begins, and gone with it."""
    return [{"name": volume_name(number), "host": {}} for number in range(len(folders(service)))]


def mount_points(service: Service) -> list[Input]:
    """Return where the service's own container sees them."""
    return [
        {"sourceVolume": volume_name(number), "containerPath": folder, "readOnly": True}
        for number, folder in enumerate(folders(service))
    ]


def depends_on(service: Service) -> list[Input]:
    return [{"containerName": FILES, "condition": "SUCCESS"}] if service.container.files else []


def copies(service: Service, surroundings: Surroundings) -> dict[str, str]:
    """Return S3 URIs by the path in the container that fetches them."""
    numbers = {folder: number for number, folder in enumerate(folders(service))}
    prefix = f"s3://{surroundings.vault}/{surroundings.env}/{service.original}"
    return {
        f"/culm/{volume_name(numbers[posixpath.dirname(path)])}/{posixpath.basename(path)}": f"{prefix}/{name}"
        for path, name in service.container.files.items()
    }


def container(service: Service, base: Input, surroundings: Surroundings) -> Input:
    """Return the container that fetches; `base` is what every container of the task has.

    No name of a file or path in it needs quotes for a shell. The local cluster knows it by its label, and fills the
    volumes without the AWS CLI.
    """
    wanted = copies(service, surroundings)
    lines = [f"aws s3 cp --only-show-errors {uri} {path}" for path, uri in wanted.items()]
    return {
        **base,
        "name": FILES,
        "image": IMAGE,
        "essential": False,
        "memory": MEMORY,
        "memoryReservation": RESERVED,
        "cpu": CPU,
        "entryPoint": ["sh", "-ec"],
        "command": ["\n".join(lines)],
        "mountPoints": [
            {"sourceVolume": volume_name(number), "containerPath": f"/culm/{volume_name(number)}", "readOnly": False}
            for number in range(len(folders(service)))
        ],
        "dockerLabels": {FILES_LABEL: json.dumps(wanted, sort_keys=True)},
    }
