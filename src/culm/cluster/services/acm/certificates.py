"""Certificates: imported, requested, described, deleted.

One that is requested is issued at once, by an authority of this cluster's own: nobody has to prove to it that a domain
is theirs, and no browser trusts it unless it is told to (`culm cluster trust`).

https://docs.aws.amazon.com/acm/latest/APIReference/API_Operations.html
"""

import hashlib
import re
from dataclasses import replace
from sqlite3 import Connection
from typing import Any, Literal

from culm.cluster.services.acm import x509
from culm.cluster.store import certificates
from culm.cluster.store.elbv2 import listeners
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.certificates import Certificate
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

Algorithm = Literal["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
IDEMPOTENT_SECONDS = 3600
MOST_NAMES = 10
"""Without a quota that was raised: https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html"""
LISTED_NAMES = 100
DOMAIN_NAME = re.compile(r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])")
"""https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html: others are written in Punycode."""


@record
class CertificateInput:
    certificate_arn: str


@record
class ImportCertificateInput:
    certificate_arn: str = ""
    certificate: bytes
    private_key: bytes
    certificate_chain: bytes = b""
    tags: tuple[Tag, ...] = ()


@operation("acm", "ImportCertificate", wakes=True, long=True)
def import_certificate(call: Call, req: ImportCertificateInput) -> dict[str, Any]:
    """Keep a certificate with its key, or put it in the place of one that was imported before.

    Raises ValidationException where the parts do not belong together or the certificate is not valid now.
    """
    body, key, chain = (_text(part) for part in (req.certificate, req.private_key, req.certificate_chain))
    known = x509.facts(body)
    if not known.not_before <= call.now <= known.not_after:
        raise x509.invalid("The certificate is not valid: it has expired, or its time has not come yet.")
    x509.check_key(body, key)
    if chain:
        x509.check_chain(body, chain)
    before = certificate_of(call, req.certificate_arn) if req.certificate_arn else None
    if before is not None and before.type != "IMPORTED":
        raise x509.invalid("You can only re-import a certificate that was imported.")
    if before is not None and req.tags:
        raise x509.invalid("Tagging is not permitted on re-import.")
    made = certificate_from(known, body, chain, req.certificate_arn or _new_arn(call), call.now)
    made = replace(
        made,
        imported_at=call.now,
        created_at=before.created_at if before else call.now,
        tags=before.tags if before else {tag.key: tag.value for tag in req.tags},
    )
    certificates.put(call.db, made, key)
    return {"certificate_arn": made.certificate_arn}


@record
class CertificateOptions:
    certificate_transparency_logging_preference: str | None = None
    export: Literal["DISABLED"] | None = None


@record
class ValidationOption:
    domain_name: str
    validation_domain: str


@record
class RequestCertificateInput:
    domain_name: str
    validation_method: Literal["DNS", "EMAIL"] = "EMAIL"
    subject_alternative_names: tuple[str, ...] = ()
    idempotency_token: str = ""
    domain_validation_options: Stored[tuple[ValidationOption, ...]] = ()
    options: CertificateOptions = CertificateOptions()
    tags: tuple[Tag, ...] = ()
    key_algorithm: Algorithm = "RSA_2048"


@operation("acm", "RequestCertificate", wakes=True, long=True)
def request_certificate(call: Call, req: RequestCertificateInput) -> dict[str, Any]:
    """Issue a certificate. The same request within an hour, by its token, is answered as the first was.

    Raises ValidationException for what is no domain name.
    """
    names = tuple(dict.fromkeys((req.domain_name, *req.subject_alternative_names)))
    for name in names:
        if not DOMAIN_NAME.fullmatch(name):
            member = "domainName" if name == req.domain_name else "subjectAlternativeNames"
            raise x509.invalid(
                f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member must "
                f"satisfy regular expression pattern: {DOMAIN_NAME.pattern}"
            )
    if len(names) > MOST_NAMES:
        raise AwsError("LimitExceededException", f"A certificate can have {MOST_NAMES} domain names.")
    for there in certificates.list_all(call.db) if req.idempotency_token else ():
        recent = call.now - there.created_at < IDEMPOTENT_SECONDS
        if recent and (there.idempotency_token, there.domain_name) == (req.idempotency_token, req.domain_name):
            return {"certificate_arn": there.certificate_arn}
    signer = authority(call.db, call.now)
    issued = x509.issue(signer, names, req.key_algorithm, call.now)
    logging = req.options.certificate_transparency_logging_preference or "ENABLED"
    made = replace(
        certificate_from(x509.facts(issued.body), issued.body, signer.body, _new_arn(call), call.now),
        domain_name=req.domain_name,
        subject_alternative_names=names,
        type="AMAZON_ISSUED",
        validation_method=req.validation_method,
        idempotency_token=req.idempotency_token,
        options={"certificate_transparency_logging_preference": logging, "export": "DISABLED"},
        tags={tag.key: tag.value for tag in req.tags},
    )
    certificates.put(call.db, made, issued.private_key)
    return {"certificate_arn": made.certificate_arn}


@operation("acm", "DescribeCertificate")
def describe_certificate(call: Call, req: CertificateInput) -> dict[str, Any]:
    """Return what is known of a certificate. Raises ResourceNotFoundException."""
    certificate = certificate_of(call, req.certificate_arn)
    requested = certificate.type == "AMAZON_ISSUED"
    return {
        "certificate": {
            **_shown(certificate),
            "subject_alternative_names": certificate.subject_alternative_names,
            "domain_validation_options": [_validation(certificate, name) for name in _names(certificate)]
            if requested
            else None,
            "serial": certificate.serial,
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "signature_algorithm": certificate.signature_algorithm,
            "in_use_by": used_by(call, certificate),
            "key_usages": [{"name": "DIGITAL_SIGNATURE"}, {"name": "KEY_ENCIPHERMENT"}],
            "extended_key_usages": [{"name": "TLS_WEB_SERVER_AUTHENTICATION", "oid": "1.3.6.1.5.5.7.3.1"}],
            "options": certificate.options
            or {"certificate_transparency_logging_preference": "DISABLED", "export": "DISABLED"},
        }
    }


@operation("acm", "GetCertificate")
def get_certificate(call: Call, req: CertificateInput) -> dict[str, Any]:
    """Return a certificate and those above it, as PEM. Raises ResourceNotFoundException."""
    certificate = certificate_of(call, req.certificate_arn)
    return {"certificate": certificate.body, "certificate_chain": certificate.chain or None}


@record
class Includes:
    key_types: tuple[str, ...] = ()


@record
class ListCertificatesInput:
    certificate_statuses: tuple[str, ...] = ()
    includes: Includes = Includes()
    sort_by: Literal["CREATED_AT"] = "CREATED_AT"
    sort_order: Literal["ASCENDING", "DESCENDING"] = "ASCENDING"


@operation("acm", "ListCertificates")
def list_certificates(call: Call, req: ListCertificatesInput) -> dict[str, Any]:
    """Return certificates; without key types only those with RSA keys of up to 2048 bits, as ACM does."""
    kinds = {_kind(kind) for kind in req.includes.key_types or ("RSA_1024", "RSA_2048")}
    wanted = not req.certificate_statuses or "ISSUED" in req.certificate_statuses
    listed = [each for each in certificates.list_all(call.db) if wanted and each.key_algorithm in kinds]
    if req.sort_order == "DESCENDING":
        listed.reverse()
    return {
        "certificate_summary_list": [
            {
                **_shown(certificate),
                "subject_alternative_name_summaries": certificate.subject_alternative_names[:LISTED_NAMES],
                "has_additional_subject_alternative_names": len(certificate.subject_alternative_names) > LISTED_NAMES,
                "key_usages": ["DIGITAL_SIGNATURE", "KEY_ENCIPHERMENT"],
                "extended_key_usages": ["TLS_WEB_SERVER_AUTHENTICATION"],
                "in_use": bool(used_by(call, certificate)),
                "exported": False if certificate.type == "AMAZON_ISSUED" else None,
            }
            for certificate in listed
        ],
    }


@operation("acm", "DeleteCertificate")
def delete_certificate(call: Call, req: CertificateInput) -> None:
    """Delete one that no listener uses. Raises ResourceInUseException, ResourceNotFoundException."""
    certificate = certificate_of(call, req.certificate_arn)
    if used_by(call, certificate):
        raise AwsError("ResourceInUseException", f"Certificate {certificate.certificate_arn} in account is in use.")
    certificates.delete(call.db, certificate.certificate_arn)


@record
class TagsInput:
    certificate_arn: str
    tags: tuple[Tag, ...]


@operation("acm", "AddTagsToCertificate")
def add_tags_to_certificate(call: Call, req: TagsInput) -> None:
    certificate = certificate_of(call, req.certificate_arn)
    tags = {**certificate.tags, **{tag.key: tag.value for tag in req.tags}}
    certificates.save(call.db, replace(certificate, tags=tags))


@operation("acm", "RemoveTagsFromCertificate")
def remove_tags_from_certificate(call: Call, req: TagsInput) -> None:
    """Remove tags by key; one that is given with a value only where it has that."""
    certificate = certificate_of(call, req.certificate_arn)
    gone = {tag.key for tag in req.tags if not tag.value or certificate.tags.get(tag.key) == tag.value}
    tags = {key: value for key, value in certificate.tags.items() if key not in gone}
    certificates.save(call.db, replace(certificate, tags=tags))


@operation("acm", "ListTagsForCertificate")
def list_tags_for_certificate(call: Call, req: CertificateInput) -> dict[str, Any]:
    certificate = certificate_of(call, req.certificate_arn)
    return {"tags": [{"key": key, "value": value} for key, value in certificate.tags.items()]}


def certificate_of(call: Call, reference: str) -> Certificate:
    """Return the certificate of this ARN. Raises ResourceNotFoundException."""
    certificate = certificates.find(call.db, reference) if reference.startswith("arn:aws:acm:") else None
    if certificate is None:
        raise AwsError(
            "ResourceNotFoundException", f"Could not find certificate {reference} in account {call.account}."
        )
    return certificate


def authority(db: Connection, now: float) -> x509.Pair:
    """Return the cluster's own authority; the first call makes it, valid from `now`, epoch seconds."""
    there = certificates.find(db, certificates.AUTHORITY)
    if there is not None:
        return x509.Pair(body=there.body, private_key=certificates.private_key(db, certificates.AUTHORITY))
    made = x509.authority(now)
    kept = certificate_from(x509.facts(made.body), made.body, "", certificates.AUTHORITY, now)
    certificates.put(db, kept, made.private_key)
    return made


def certificate_from(known: x509.CertificateFacts, body: str, chain: str, reference: str, now: float) -> Certificate:
    """Return what is kept of a certificate, under this ARN; `body` and `chain` are PEM."""
    return Certificate(
        certificate_arn=reference,
        domain_name=known.names[0] if known.names else "",
        subject_alternative_names=known.names,
        type="IMPORTED",
        body=body,
        chain=chain,
        serial=known.serial,
        subject=known.subject,
        issuer=known.issuer,
        key_algorithm=known.key_algorithm,
        signature_algorithm=known.signature_algorithm,
        not_before=known.not_before,
        not_after=known.not_after,
        created_at=now,
    )


def _new_arn(call: Call) -> str:
    id = call.new_id()
    dashed = "-".join((id[:8], id[8:12], id[12:16], id[16:20], id[20:]))
    return arn("acm", call.region, call.account, f"certificate/{dashed}")


def _shown(certificate: Certificate) -> dict[str, Any]:
    """Return what both lists and descriptions have."""
    requested = certificate.type == "AMAZON_ISSUED"
    return {
        "certificate_arn": certificate.certificate_arn,
        "domain_name": certificate.domain_name,
        "status": "ISSUED",
        "type": certificate.type,
        "key_algorithm": certificate.key_algorithm,
        "renewal_eligibility": "ELIGIBLE" if requested else "INELIGIBLE",
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "created_at": certificate.created_at,
        "issued_at": certificate.created_at if requested else None,
        "imported_at": certificate.imported_at,
    }


def _validation(certificate: Certificate, name: str) -> dict[str, Any]:
    """Return how the domain would have been proved at Amazon: by a record that nobody looks for here."""
    domain = name.removeprefix("*.")
    shown: dict[str, Any] = {
        "domain_name": name,
        "validation_domain": domain,
        "validation_status": "SUCCESS",
        "validation_method": certificate.validation_method,
    }
    if certificate.validation_method == "DNS":
        left, right = (hashlib.sha256(f"{side}{domain}".encode()).hexdigest()[:32] for side in "lr")
        value = f"_{right}.acm-validations.aws."
        shown["resource_record"] = {"name": f"_{left}.{domain}.", "type": "CNAME", "value": value}
    else:
        mailboxes = ("admin", "administrator", "hostmaster", "postmaster", "webmaster")
        shown["validation_emails"] = [f"{mailbox}@{domain}" for mailbox in mailboxes]
    return shown


def _names(certificate: Certificate) -> tuple[str, ...]:
    return tuple(dict.fromkeys((certificate.domain_name, *certificate.subject_alternative_names)))


def used_by(call: Call, certificate: Certificate) -> list[str]:
    """Return the load balancers that have a listener with it."""
    return sorted(
        {
            listener.load_balancer_arn
            for listener in listeners.list_all(call.db)
            if certificate.certificate_arn in listener.certificates
        }
    )


def _kind(name: str) -> str:
    """Return `RSA-2048` for a filter's `RSA_2048`."""
    return name.replace("_", "-", 1)


def _text(part: bytes) -> str:
    try:
        return part.decode("ascii")
    except UnicodeDecodeError as error:
        raise x509.invalid("A certificate, its chain and its key have to be PEM.") from error
