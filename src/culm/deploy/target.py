"""Where to deploy: boto3 clients of Amazon, or of any endpoint that speaks as Amazon does."""

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from culm.deploy.trace import Trace
from culm.manifest.project import TargetSettings
from culm.model.record import record

DEFAULT_REGION = "us-east-1"


@record
class Login:
    """Credentials given by name; without them the SDK's own chain decides."""

    access_key: str
    secret_key: str
    token: str | None = None


class Target:
    """A factory of clients, each made once."""

    def __init__(
        self,
        settings: TargetSettings,
        endpoint_url: str | None = None,
        login: Login | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.settings = settings
        self.trace = trace
        self.endpoint_url = endpoint_url or settings.endpoint_url
        self._login = login
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    @cached_property
    def _session(self) -> Any:
        import boto3  # a third of a second, which `culm --help` need not wait for

        keys = self._login
        return boto3.session.Session(
            aws_access_key_id=keys.access_key if keys else None,
            aws_secret_access_key=keys.secret_key if keys else None,
            aws_session_token=keys.token if keys else None,
            profile_name=self.settings.profile,
            region_name=self.settings.region or (DEFAULT_REGION if self.endpoint_url else None),
        )

    def client(self, service: str) -> Any:
        """`client("ecs")`. Clients may be shared by threads, making one may not."""
        with self._making:
            if service not in self._clients:
                from botocore.config import Config

                made = self._session.client(
                    service,
                    endpoint_url=self.endpoint_url,
                    config=Config(
                        retries={"mode": "standard", "total_max_attempts": 5},
                        connect_timeout=5,
                        max_pool_connections=32,
                        s3={"addressing_style": "path"} if self.endpoint_url else None,
                    ),
                )
                if self.trace is not None:
                    self.trace.watch(made)
                self._clients[service] = made
            return self._clients[service]

    @property
    def region(self) -> str:
        return self._session.region_name or DEFAULT_REGION

    @cached_property
    def account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def longest_pause(self) -> float:
        """Seconds between two looks: on this machine they cost little, Amazon throttles who looks too often."""
        return 0.25 if self.endpoint_url else 1.5

    def url(self, dns_name: str, port: int) -> str:
        """Where people find the load balancer: by its domain, on a local cluster's own machine, or by its DNS name."""
        if self.settings.domain:
            return f"https://{self.settings.domain}"
        local = self.endpoint_url if self.settings.provider == "local" else None
        host = urlsplit(local).hostname if local else dns_name
        return f"http://{host}" if port == 80 else f"http://{host}:{port}"


def login_from(environment: Mapping[str, str]) -> Login:
    """From what `culm cluster env` exports."""
    return Login(
        access_key=environment.get("AWS_ACCESS_KEY_ID", "culm"),
        secret_key=environment.get("AWS_SECRET_ACCESS_KEY", "culm"),
        token=environment.get("AWS_SESSION_TOKEN"),
    )
