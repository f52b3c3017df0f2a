"""OpenID Connect providers: kept, changed and described as AWS does.

Roles name them in their trust policies; `culm.cluster.services.sts.web_identity` lets in whom their tokens name.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.iam.references import listed, tags_of
from culm.cluster.store.iam import oidc_providers
from culm.cluster.store.iam.oidc_providers import OidcProvider
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

_SCHEME = "https://"
_MOST_CLIENTS = 100
_MOST_THUMBPRINTS = 5


@record
class CreateOpenIDConnectProviderInput:
    url: str
    client_id_list: tuple[str, ...] = ()
    thumbprint_list: tuple[str, ...] = ()
    tags: Stored[tuple[Tag, ...]] = ()


@operation("iam", "CreateOpenIDConnectProvider", wakes=True)
def create_open_id_connect_provider(call: Call, req: CreateOpenIDConnectProviderInput) -> dict[str, Any]:
    """Keep an issuer. Raises EntityAlreadyExists, InvalidInput for its URL, and LimitExceeded."""
    if not req.url.startswith(_SCHEME) or not req.url.removeprefix(_SCHEME).strip("/"):
        raise AwsError("InvalidInput", "Invalid Open ID Connect Provider URL")
    url = req.url.removeprefix(_SCHEME).rstrip("/")
    provider = OidcProvider(
        arn=arn("iam", "", call.account, f"oidc-provider/{url}"),
        url=url,
        created_at=call.now,
        client_ids=tuple(dict.fromkeys(req.client_id_list)),
        thumbprints=tuple(dict.fromkeys(each.lower() for each in req.thumbprint_list)),
        tags=tags_of(req.tags),
    )
    if oidc_providers.find(call.db, provider.arn):
        raise AwsError("EntityAlreadyExists", f"Provider with url {req.url} already exists.", 409)
    _save(call, provider)
    return {"open_id_connect_provider_arn": provider.arn, "tags": listed(provider.tags)}


@record
class ProviderInput:
    open_id_connect_provider_arn: str


@operation("iam", "GetOpenIDConnectProvider")
def get_open_id_connect_provider(call: Call, req: ProviderInput) -> dict[str, Any]:
    """Return an issuer. Raises NoSuchEntity."""
    provider = _named(call, req)
    return {
        "url": provider.url,
        "client_id_list": provider.client_ids,
        "thumbprint_list": provider.thumbprints,
        "create_date": provider.created_at,
        "tags": listed(provider.tags),
    }


@record
class ListOpenIDConnectProvidersInput:
    pass


@operation("iam", "ListOpenIDConnectProviders")
def list_open_id_connect_providers(call: Call, req: ListOpenIDConnectProvidersInput) -> dict[str, Any]:
    return {"open_id_connect_provider_list": [{"arn": each.arn} for each in oidc_providers.list_all(call.db)]}


@operation("iam", "DeleteOpenIDConnectProvider")
def delete_open_id_connect_provider(call: Call, req: ProviderInput) -> None:
    """Delete an issuer; roles that trust it stay as they are. Raises NoSuchEntity."""
    oidc_providers.delete(call.db, _named(call, req).arn)


@record
class ClientIDInput(ProviderInput):
    client_id: str


@operation("iam", "AddClientIDToOpenIDConnectProvider")
def add_client_id(call: Call, req: ClientIDInput) -> None:
    """Add an audience; one that is there already stays. Raises NoSuchEntity and LimitExceeded."""
    provider = _named(call, req)
    _save(call, replace(provider, client_ids=tuple(dict.fromkeys((*provider.client_ids, req.client_id)))))


@operation("iam", "RemoveClientIDFromOpenIDConnectProvider")
def remove_client_id(call: Call, req: ClientIDInput) -> None:
    """Take an audience away, if it is there. Raises NoSuchEntity."""
    provider = _named(call, req)
    _save(call, replace(provider, client_ids=tuple(each for each in provider.client_ids if each != req.client_id)))


@record
class UpdateThumbprintInput(ProviderInput):
    thumbprint_list: tuple[str, ...]


@operation("iam", "UpdateOpenIDConnectProviderThumbprint", wakes=True)
def update_thumbprint(call: Call, req: UpdateThumbprintInput) -> None:
    """Replace the thumbprints. Raises NoSuchEntity and LimitExceeded."""
    thumbprints = tuple(dict.fromkeys(each.lower() for each in req.thumbprint_list))
    _save(call, replace(_named(call, req), thumbprints=thumbprints))


@record
class TagProviderInput(ProviderInput):
    tags: Stored[tuple[Tag, ...]]


@operation("iam", "TagOpenIDConnectProvider")
def tag_open_id_connect_provider(call: Call, req: TagProviderInput) -> None:
    """Add tags, or give them other values. Raises NoSuchEntity."""
    provider = _named(call, req)
    _save(call, replace(provider, tags={**provider.tags, **tags_of(req.tags)}))


@record
class UntagProviderInput(ProviderInput):
    tag_keys: tuple[str, ...]


@operation("iam", "UntagOpenIDConnectProvider")
def untag_open_id_connect_provider(call: Call, req: UntagProviderInput) -> None:
    """Take tags away; keys that are not there are no error. Raises NoSuchEntity."""
    provider = _named(call, req)
    _save(call, replace(provider, tags={k: v for k, v in provider.tags.items() if k not in req.tag_keys}))


@operation("iam", "ListOpenIDConnectProviderTags")
def list_open_id_connect_provider_tags(call: Call, req: ProviderInput) -> dict[str, Any]:
    """Return an issuer's tags. Raises NoSuchEntity."""
    return {"tags": listed(_named(call, req).tags)}


def _named(call: Call, req: ProviderInput) -> OidcProvider:
    provider = oidc_providers.find(call.db, req.open_id_connect_provider_arn)
    if provider is None:
        message = f"OpenIDConnect Provider not found for arn {req.open_id_connect_provider_arn}"
        raise AwsError("NoSuchEntity", message, 404)
    return provider


def _save(call: Call, provider: OidcProvider) -> None:
    """Keep an issuer. Raises LimitExceeded.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    for what, there, most in (
        ("ClientId", len(provider.client_ids), _MOST_CLIENTS),
        ("Thumbprint", len(provider.thumbprints), _MOST_THUMBPRINTS),
    ):
        if there > most:
            quota = f"Cannot exceed quota for {what}sPerOpenIdConnectProvider: {most}"
            raise AwsError("LimitExceeded", quota, 409)
    oidc_providers.save(call.db, provider)
