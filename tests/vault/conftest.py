"""A vault on the served S3."""

from typing import Any

import pytest

from culm.vault.files import Vault


@pytest.fixture
def vault(cloud: Any) -> Vault:
    made = Vault(cloud.client("s3"), "culm-vault-000000000000-us-east-1")
    made.prepare("us-east-1")
    return made
