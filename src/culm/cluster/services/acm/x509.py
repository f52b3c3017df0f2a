"""Reading and making X.509 certificates. The library is loaded by the first of them: it is 9 MB of memory."""

import ipaddress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from culm.core.model.record import record
from culm.errors import AwsError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

AUTHORITY_NAME = "culm local authority"
AUTHORITY_DAYS = 3650
DAYS = 395
"""What ACM gives its certificates: https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html"""
CURVES = {"EC_prime256v1": "SECP256R1", "EC_secp384r1": "SECP384R1", "EC_secp521r1": "SECP521R1"}
_END = "-----END CERTIFICATE-----"
RSA_BITS = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}


@record
class Pair:
    """A certificate and its private key, both PEM."""

    body: str
    private_key: str


@record
class CertificateFacts:
    """What a certificate says. Times are epoch seconds."""

    names: tuple[str, ...]
    """Its common name first, if it has one; then those that it is for besides."""
    serial: str
    subject: str
    issuer: str
    key_algorithm: str
    signature_algorithm: str
    not_before: float
    not_after: float


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def facts(body: str) -> CertificateFacts:
    """Read one certificate. Raises ValidationException where it is none, or more than one."""
    from cryptography import x509

    certificate = _read(body)
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    names = [str(each.value) for each in common[:1]]
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += others.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    serial = f"{certificate.serial_number:032x}"
    hashed = certificate.signature_hash_algorithm
    return CertificateFacts(
        names=tuple(dict.fromkeys(names)),
        serial=":".join(serial[at : at + 2] for at in range(0, len(serial), 2)),
        subject=certificate.subject.rfc4514_string(),
        issuer=str(_issuer(certificate)),
        key_algorithm=_algorithm(certificate.public_key()),
        signature_algorithm=f"{hashed.name.upper() if hashed else ''}WITH{_kind(certificate)}",
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
    )


@lru_cache(maxsize=256)
def names(pem: str) -> tuple[str, ...]:
    """Return the domains that the first certificate of a PEM text is for."""
    return facts(pem[: pem.index(_END) + len(_END)]).names


def check_chain(body: str, chain: str) -> None:
    """Raise ValidationException where the chain does not begin with whom the certificate is signed by."""
    from cryptography import x509

    try:
        above = x509.load_pem_x509_certificates(chain.encode())
        _read(body).verify_directly_issued_by(above[0])
    except Exception as error:
        raise invalid("The certificate chain is not valid, or does not match the certificate.") from error


def check_key(body: str, private_key: str) -> None:
    """Raise ValidationException where the key is not that of the certificate, or is encrypted."""
    from cryptography.hazmat.primitives import serialization

    def public(key: Any) -> bytes:
        whole, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return bytes(key.public_bytes(whole, form))

    try:
        key = serialization.load_pem_private_key(private_key.encode(), None)
    except (ValueError, TypeError) as error:
        raise invalid("The private key is not supported: it has to be PEM, and not encrypted.") from error
    if public(key.public_key()) != public(_read(body).public_key()):
        raise invalid("The private key does not match the certificate.")


def authority(now: float) -> Pair:
    """Make a certificate that may sign others."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, AUTHORITY_NAME)])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _begun(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return _signed(builder, key, key)


def issue(by: Pair, names: tuple[str, ...], algorithm: str, now: float) -> Pair:
    """Make a certificate for these domains and addresses, signed by an authority; the first is its common name."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key: Any = (
        ec.generate_private_key(getattr(ec, CURVES[algorithm])())
        if algorithm in CURVES
        else rsa.generate_private_key(65537, RSA_BITS[algorithm])
    )
    signer = _read(by.body)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0][:64])])
    public = signer.public_key()
    builder = (
        _begun(name, signer.subject, key.public_key(), now, DAYS)
        .add_extension(x509.SubjectAlternativeName([_alternative(each) for each in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)  # type: ignore[arg-type]
    )
    return _signed(builder, serialization.load_pem_private_key(by.private_key.encode(), None), key)


def _alternative(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _begun(subject: Any, issuer: Any, public_key: Any, now: float, days: int) -> Any:
    from cryptography import x509

    at = datetime.fromtimestamp(now, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(minutes=5))  # clocks differ
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _signed(builder: Any, signing_key: Any, key: Any) -> Pair:
    from cryptography.hazmat.primitives import hashes, serialization

    pem = serialization.Encoding.PEM
    whole = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(body=builder.sign(signing_key, hashes.SHA256()).public_bytes(pem).decode(), private_key=whole.decode())


def _read(body: str) -> "Certificate":
    from cryptography import x509

    try:
        [certificate] = x509.load_pem_x509_certificates(body.encode())
    except ValueError as error:
        raise invalid("The certificate field has to contain one certificate, as PEM.") from error
    return certificate


def _issuer(certificate: "Certificate") -> str:
    """Return the issuer's organization, or else its common name."""
    from cryptography import x509

    for oid in (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME):
        if attributes := certificate.issuer.get_attributes_for_oid(oid):
            return str(attributes[0].value)
    return certificate.issuer.rfc4514_string()


def _algorithm(key: Any) -> str:
    """Return an algorithm as ACM writes it: `RSA-2048`, `EC-prime256v1`."""
    curve = getattr(key, "curve", None)
    if curve is None:
        return f"RSA-{key.key_size}" if hasattr(key, "key_size") else type(key).__name__
    names = {"secp256r1": "prime256v1"}
    return f"EC-{names.get(curve.name, curve.name)}"


def _kind(certificate: "Certificate") -> str:
    return "ECDSA" if certificate.signature_algorithm_oid.dotted_string.startswith("1.2.840.10045") else "RSA"
