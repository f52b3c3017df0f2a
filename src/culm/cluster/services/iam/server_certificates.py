"""Server certificates: what HTTPS listeners had before there was ACM, and what many templates still give them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.acm import x509
from culm.cluster.services.acm.certificates import certificate_from, used_by
from culm.cluster.services.iam.references import listed, new_unique_id, tags_of
from culm.cluster.store import certificates
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn, last, resource
from culm.core.model.certificates import Certificate
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

KIND = "server-certificate"


@record
class UploadServerCertificateInput:
    path: str = "/"
    server_certificate_name: str
    certificate_body: str
    private_key: str
    certificate_chain: str = ""
    tags: tuple[Tag, ...] = ()


@operation("iam", "UploadServerCertificate", long=True)
def upload_server_certificate(call: Call, req: UploadServerCertificateInput) -> dict[str, Any]:
    """Keep a certificate with its key. Raises EntityAlreadyExists, MalformedCertificate, KeyPairMismatch."""
    name = req.server_certificate_name
    if any(last(each.certificate_arn) == name for each in certificates.of_iam(call.db)):
        raise AwsError("EntityAlreadyExists", f"The Server Certificate with name {name} already exists.", 409)
    try:
        known = x509.facts(req.certificate_body)
        if req.certificate_chain:
            x509.check_chain(req.certificate_body, req.certificate_chain)
    except AwsError as error:
        raise AwsError("MalformedCertificate", str(error.message)) from error
    try:
        x509.check_key(req.certificate_body, req.private_key)
    except AwsError as error:
        raise AwsError("KeyPairMismatch", str(error.message)) from error
    reference = arn("iam", "", call.account, f"{KIND}{req.path}{name}")
    made = certificate_from(known, req.certificate_body, req.certificate_chain, reference, call.now)
    made = replace(made, unique_id=new_unique_id(call, "ASCA"), tags=tags_of(req.tags))
    certificates.put(call.db, made, req.private_key)
    return {"server_certificate_metadata": metadata(made), "tags": listed(made.tags)}


@record
class ServerCertificateInput:
    server_certificate_name: str


@operation("iam", "GetServerCertificate")
def get_server_certificate(call: Call, req: ServerCertificateInput) -> dict[str, Any]:
    """Return a certificate with those above it, as PEM. Raises NoSuchEntity."""
    certificate = server_certificate_named(call, req.server_certificate_name)
    return {
        "server_certificate": {
            "server_certificate_metadata": metadata(certificate),
            "certificate_body": certificate.body,
            "certificate_chain": certificate.chain or None,
            "tags": listed(certificate.tags),
        }
    }


@record
class ListServerCertificatesInput:
    path_prefix: str = "/"


@operation("iam", "ListServerCertificates")
def list_server_certificates(call: Call, req: ListServerCertificatesInput) -> dict[str, Any]:
    every = sorted(map(metadata, certificates.of_iam(call.db)), key=lambda each: str(each["server_certificate_name"]))
    own = [each for each in every if str(each["path"]).startswith(req.path_prefix)]
    return {"server_certificate_metadata_list": own}


@operation("iam", "DeleteServerCertificate")
def delete_server_certificate(call: Call, req: ServerCertificateInput) -> None:
    """Delete one that no listener uses. Raises DeleteConflict, NoSuchEntity."""
    certificate = server_certificate_named(call, req.server_certificate_name)
    if users := used_by(call, certificate):
        what = f"Certificate: {certificate.certificate_arn} is currently in use by {users[0]}"
        raise AwsError("DeleteConflict", what, 409)
    certificates.delete(call.db, certificate.certificate_arn)


def server_certificate_named(call: Call, name: str) -> Certificate:
    """Return the certificate. Raises NoSuchEntity."""
    own = [each for each in certificates.of_iam(call.db) if last(each.certificate_arn) == name]
    if not own:
        raise AwsError("NoSuchEntity", f"The Server Certificate with name {name} cannot be found.", 404)
    return own[0]


def metadata(certificate: Certificate) -> dict[str, Any]:
    path = resource(certificate.certificate_arn).removeprefix(KIND).rpartition("/")[0]
    return {
        "path": f"{path}/",
        "server_certificate_name": last(certificate.certificate_arn),
        "server_certificate_id": certificate.unique_id,
        "arn": certificate.certificate_arn,
        "upload_date": certificate.created_at,
        "expiration": certificate.not_after,
    }
