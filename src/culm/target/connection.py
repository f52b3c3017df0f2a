"""Where to deploy: boto3 clients of Amazon, or of any endpoint that speaks as Amazon does."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from culm.core.model.record import record
from culm.errors import CulmError, UsageError
from culm.project.project import TargetSettings
from culm.project.targets import IN_PARTITION, OTHER_PARTITIONS
from culm.target import plain_calls
from culm.target.trace import Trace

DEFAULT_REGION = "us-east-1"
READS = ("Describe", "Get", "List", "Head", "Batch", "Filter", "Simulate", "StartLiveTail", "Detect", "AssumeRole")
"""How the operations begin that change nothing."""


@record
class StaticCredentials:
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
        login: StaticCredentials | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.settings = settings
        self.trace = trace
        self.endpoint_url = endpoint_url or settings.endpoint_url
        self.before_write: Callable[[str, Mapping[str, Any]], None] | None = None
        """Called with an operation and its parameters before it changes anything; what it raises, the caller gets."""
        self._login = login
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    def with_settings(self, settings: TargetSettings) -> "Target":
        """Return the same endpoint, by the same credentials, with other settings."""
        return Target(settings, self.endpoint_url, self._login, self.trace)

    @cached_property
    def _session(self) -> Any:
        import boto3  # a third of a second, which `culm --help` need not wait for

        keys = self._login
        region = self.settings.region or (DEFAULT_REGION if self.endpoint_url else None)
        if keys is not None and self.settings.provider == "local":
            return isolated(keys, region)
        session = boto3.session.Session(
            aws_access_key_id=keys.access_key if keys else None,
            aws_secret_access_key=keys.secret_key if keys else None,
            aws_session_token=keys.token if keys else None,
            profile_name=self.settings.profile,
            region_name=region,
        )
        return assumed(session, self.settings.role, self.endpoint_url) if self.settings.role else session

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service: `client("ecs")`. Threads may share clients, but not make one.

        In an account that is not the target's there is none but STS's: nothing can be written there.
        """
        if service == plain_calls.SERVICE and (caller := self._caller()) is not None:
            return plain_calls.LogsClient(caller, lambda: self._sdk_client(service))
        return self._sdk_client(service)

    def _caller(self) -> plain_calls.Caller | None:
        """Return how the local cluster is asked without the SDK; None for other targets, and for calls to be traced."""
        if self._login is None or not self.endpoint_url or self.trace or self.settings.provider != "local":
            return None
        if self.settings.account is not None or not self.endpoint_url.startswith("http://"):
            return None
        return plain_calls.Caller(
            endpoint=self.endpoint_url,
            access_key=self._login.access_key,
            secret_key=self._login.secret_key,
            token=self._login.token,
            region=self.settings.region or DEFAULT_REGION,
        )

    def _sdk_client(self, service: str) -> Any:
        if self.settings.account is not None and service != "sts":
            self.account  # noqa: B018  it raises
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
                        proxies={} if is_loopback(self.endpoint_url) else None,
                    ),
                )
                if self.trace is not None:
                    self.trace.watch(made)
                made.meta.events.register("provide-client-params.*", self._watched)
                self._clients[service] = made
            return self._clients[service]

    @cached_property
    def region(self) -> str:
        """Return the region of the target. Raises UsageError for one of another partition than `aws`."""
        region = str(self._session.region_name or DEFAULT_REGION)
        if region.startswith(OTHER_PARTITIONS):
            raise UsageError(f"region {region} is in another partition than `aws`", IN_PARTITION)
        return region

    def _watched(self, *, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if self.before_write is not None and not model.name.startswith(READS):
            self.before_write(model.name, params)

    @cached_property
    def account(self) -> str:
        """Return the caller's account id. Raises CulmError when culm.yml names another one."""
        caller = self.client("sts").get_caller_identity()
        account, wanted = str(caller["Account"]), self.settings.account
        if wanted not in (None, account):
            raise CulmError(
                f"your credentials are of account {account} ({caller['Arn']}), "
                f"and target {self.settings.name} is in {wanted}: nothing was written",
                "`profile:` or `role:` of the target, AWS_PROFILE, or log in to the other account",
            )
        return account

    @property
    def longest_pause(self) -> float:
        """Return the most seconds between two polls: short on this machine, longer on Amazon, which throttles."""
        return 0.25 if self.endpoint_url else 1.5

    def url(self, dns_name: str, port: int) -> str:
        """Return where people reach the load balancer: its domain, this machine's address, or its DNS name."""
        if self.settings.domain:
            return f"https://{self.settings.domain}"
        local = self.endpoint_url if self.settings.provider == "local" else None
        host = urlsplit(local).hostname if local else dns_name
        return f"http://{host}" if port == 80 else f"http://{host}:{port}"


def is_loopback(url: str | None) -> bool:
    """Return whether an address is this machine's own, so that no proxy of the environment applies."""
    host = (urlsplit(url).hostname or "") if url else ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def isolated(login: StaticCredentials, region: str | None) -> Any:
    """Return a session with these keys, which neither the environment nor AWS's configuration files can change.

    The local cluster is reached the same with a profile that does not exist, with a file that is broken, or with
    settings that are meant for Amazon: FIPS or dual-stack endpoints, another retry mode, a certificate bundle.
    """
    import boto3
    import botocore.session

    variables = botocore.session.Session.SESSION_VARIABLES
    session = botocore.session.Session(
        session_vars={name: (None, None, default, kind) for name, (_, _, default, kind) in variables.items()}
    )
    for name in ("config_file", "credentials_file"):
        session.set_config_variable(name, os.devnull)
    return boto3.session.Session(
        botocore_session=session,
        aws_access_key_id=login.access_key,
        aws_secret_access_key=login.secret_key,
        aws_session_token=login.token,
        region_name=region,
    )


def assumed(session: Any, role: str, endpoint_url: str | None) -> Any:
    """Return a session of the role, which renews its keys with the first session's credentials.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    import boto3
    import botocore.session
    from botocore.credentials import (
        AssumeRoleCredentialFetcher,
        CredentialProvider,
        CredentialResolver,
        DeferredRefreshableCredentials,
    )
    from botocore.exceptions import NoCredentialsError

    source = session.get_credentials()
    if source is None:
        raise NoCredentialsError()

    def create(service: str, **given: Any) -> Any:
        keys = {key: given.get(key) for key in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")}
        return session.client(service, endpoint_url=endpoint_url, **keys)

    fetcher = AssumeRoleCredentialFetcher(create, source, role, extra_args={"RoleSessionName": "culm"})

    class Role(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> Any:
            return DeferredRefreshableCredentials(method=self.METHOD, refresh_using=fetcher.fetch_credentials)

    own = botocore.session.Session()
    own.register_component("credential_provider", CredentialResolver([Role()]))
    return boto3.session.Session(botocore_session=own, region_name=session.region_name)


def cluster_target(settings: TargetSettings, described: Mapping[str, Any], trace: Trace | None = None) -> Target:
    """Return the local cluster that cluster.json describes, in its own region unless the settings name one."""
    settings = settings if settings.region else replace(settings, region=described.get("region"))
    return Target(settings, described["endpoint"], login_from(described.get("environment", {})), trace)


def login_from(environment: Mapping[str, str]) -> StaticCredentials:
    """Return the keys that `culm cluster env` exports."""
    return StaticCredentials(
        access_key=environment.get("AWS_ACCESS_KEY_ID", "culm"),
        secret_key=environment.get("AWS_SECRET_ACCESS_KEY", "culm"),
        token=environment.get("AWS_SESSION_TOKEN"),
    )
