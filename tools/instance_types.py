"""Print src/culm/core/model/instance_table.py from EC2's own descriptions: `python tools/instance_types.py > ...`.

Asks ec2.DescribeInstanceTypes with the credentials at hand; `--recorded` asks moto, which keeps a recording of
Amazon's answers. Prints the families that ECS clusters are made of, without bare metal.
"""

import argparse
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import boto3

FAMILIES = (
    *("t2", "t3", "t3a", "t4g"),
    *("m5", "m5a", "m6a", "m6g", "m6i", "m7a", "m7g", "m7i", "m7i-flex", "m8g"),
    *("c5", "c5a", "c6a", "c6g", "c6i", "c7a", "c7g", "c7i", "c7i-flex", "c8g"),
    *("r5", "r5a", "r6a", "r6g", "r6i", "r7a", "r7g", "r7i", "r8g"),
)


def described(client: Any) -> list[dict[str, Any]]:
    filters = [{"Name": "instance-type", "Values": [f"{family}.*" for family in FAMILIES]}]
    pages = client.get_paginator("describe_instance_types").paginate(Filters=filters)
    return [kind for page in pages for kind in page["InstanceTypes"]]


def rows(kinds: list[dict[str, Any]]) -> list[str]:
    """`m7g.large 2 8192 arm64`: name, vCPUs, MiB, architecture."""
    table = {}
    for kind in kinds:
        family, _, size = kind["InstanceType"].partition(".")
        if family not in FAMILIES or size.startswith("metal"):
            continue
        [architecture, *_] = [a for a in kind["ProcessorInfo"]["SupportedArchitectures"] if a in ("x86_64", "arm64")]
        memory, vcpus = kind["MemoryInfo"]["SizeInMiB"], kind["VCpuInfo"]["DefaultVCpus"]
        table[FAMILIES.index(family), memory, vcpus] = f"{kind['InstanceType']} {vcpus} {memory} {architecture}"
    return [table[key] for key in sorted(table)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recorded", action="store_true", help="from moto's recording instead of an account")
    if parser.parse_args().recorded:
        from moto import mock_aws

        with mock_aws():
            kinds = described(boto3.client("ec2", region_name="us-east-1"))
        source = f"as recorded in moto {version('moto')}"
    else:
        kinds = described(boto3.client("ec2"))
        source = "as answered by EC2"
    sys.stdout.write(
        f'"""EC2 instance types: name, vCPUs, MiB of memory, architecture. Printed by tools/instance_types.py.\n\n'
        f"ec2.DescribeInstanceTypes, {source}, {datetime.now(UTC):%Y-%m-%d}.\n"
        f'"""\n\nTABLE = """\\\n' + "\n".join(rows(kinds)) + '\n"""\n'
    )


if __name__ == "__main__":
    main()
