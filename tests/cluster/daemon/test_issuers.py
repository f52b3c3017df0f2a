"""Identity tokens of a real issuer: https on this machine, its keys, and roles that trust it."""

import hashlib
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import ECKey
from tests.certificates import a_certificate
from tests.serving import served_store

from culm.cluster import clock
from culm.cluster.daemon.issuers import FOLDER, Issuers
from culm.cluster.wire.keyring import AccessKey, Keyring

OPERATOR = AccessKey(access_key_id="AKIAEXAMPLE", secret_access_key="secret")
AUDIENCE, SUBJECT = "sts.amazonaws.com", "repo:example/shop:ref:refs/heads/main"
ACCOUNT = "000000000000"


class Issuer:
    """Serves its discovery document and its keys; `token` signs."""

    def __init__(self, folder):
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        issued = a_certificate("localhost")
        certificate, key = folder / "issuer.pem", folder / "issuer.key"
        certificate.write_text(issued.body)
        key.write_text(issued.private_key)
        self.thumbprint = hashlib.sha1(ssl.PEM_cert_to_DER_cert(issued.body)).hexdigest()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                shown = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"},
                    "/keys": {"keys": [issuer.key.as_dict(private=False)]},
                }
                body = json.dumps(shown[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def token(self, key=None, **changed):
        claims = {"iss": self.url, "sub": SUBJECT, "aud": AUDIENCE, "exp": int(clock.now()) + 300, **changed}
        return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key or self.key)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Site:
    """A cluster that verifies, its operator's IAM, and an STS whose caller has no keys."""

    def __init__(self, folder, endpoint, store):
        self.folder, self.store, self.endpoint = folder, store, endpoint
        keys = {"aws_access_key_id": OPERATOR.access_key_id, "aws_secret_access_key": OPERATOR.secret_access_key}
        self.iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1", **keys)
        unsigned = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        self.sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1", config=unsigned)

    def trust(self, url, thumbprint):
        host = url.removeprefix("https://")
        self.provider = self.iam.create_open_id_connect_provider(
            Url=url, ClientIDList=[AUDIENCE], ThumbprintList=[thumbprint]
        )["OpenIDConnectProviderArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": self.provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{host}:aud": AUDIENCE},
                "StringLike": {f"{host}:sub": "repo:example/shop:*"},
            },
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.role = self.iam.create_role(RoleName="ci", AssumeRolePolicyDocument=policy)["Role"]["Arn"]

    async def ask(self):
        await Issuers(self.folder, self.store, clock.now).step()

    def assume(self, token):
        return self.sts.assume_role_with_web_identity(
            RoleArn=self.role, RoleSessionName="run-1", WebIdentityToken=token
        )

    def refusal(self, token):
        with pytest.raises(ClientError) as caught:
            self.assume(token)
        return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def site(tmp_path):
    with served_store(tmp_path, Keyring(OPERATOR, b"a key of the tests' own, 32 bytes")) as (endpoint, store):
        yield Site(tmp_path, endpoint, store)


@pytest.fixture
def issuer(tmp_path):
    issuer = Issuer(tmp_path)
    yield issuer
    issuer.close()


async def test_whom_an_issuer_vouches_for_gets_the_role_that_trusts_it(site, issuer):
    site.trust(issuer.url, issuer.thumbprint)
    code, message = site.refusal(issuer.token())
    assert (code, "try again" in message) == ("IDPCommunicationError", True)
    await site.ask()
    given = site.assume(issuer.token())
    assert (given["SubjectFromWebIdentityToken"], given["Audience"]) == (SUBJECT, AUDIENCE)
    assert given["Provider"] == site.provider
    session = boto3.client(
        "sts",
        endpoint_url=site.endpoint,
        region_name="us-east-1",
        aws_access_key_id=given["Credentials"]["AccessKeyId"],
        aws_secret_access_key=given["Credentials"]["SecretAccessKey"],
        aws_session_token=given["Credentials"]["SessionToken"],
    )
    assert session.get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/ci/run-1"


async def test_a_token_is_the_issuers_for_us_in_time_and_for_whom_the_role_trusts(site, issuer):
    site.trust(issuer.url, issuer.thumbprint)
    await site.ask()
    forger = ECKey.generate_key("P-256", {"kid": "one"})
    assert site.refusal(issuer.token(forger))[0] == "InvalidIdentityToken"
    assert site.refusal(issuer.token(aud="somebody")) == ("InvalidIdentityToken", "Incorrect token audience")
    tagged = issuer.token(**{"https://aws.amazon.com/tags": {"principal_tags": {"team": ["shop"]}}})
    assert "does not serve session tags" in site.refusal(tagged)[1]
    assert site.refusal(issuer.token(exp=1))[0] == "ExpiredTokenException"
    assert site.refusal(issuer.token(sub="repo:example/other:ref:refs/heads/main")) == (
        "AccessDenied",
        "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    )
    unknown = "No OpenIDConnect provider found in your account for https://elsewhere.example"
    assert site.refusal(issuer.token(iss="https://elsewhere.example")) == ("InvalidIdentityToken", unknown)
    assert site.refusal("no token")[0] == "InvalidIdentityToken"


async def test_an_issuer_with_another_certificate_is_not_believed(site, issuer):
    site.trust(issuer.url, "0" * 40)
    await site.ask()
    code, message = site.refusal(issuer.token())
    assert (code, "nor one of the provider's thumbprints" in message) == ("InvalidIdentityToken", True)


async def test_the_keys_of_an_issuer_elsewhere_are_given_in_a_file(site, issuer):
    site.trust("https://token.example/ci", "0" * 40)
    await site.ask()
    token = issuer.token(iss="https://token.example/ci")
    assert "CULM_HOME/issuers/token.example_ci.json" in site.refusal(token)[1]
    folder = site.folder / FOLDER
    folder.mkdir()
    (folder / "token.example_ci.json").write_text(json.dumps({"keys": [issuer.key.as_dict(private=False)]}))
    await Issuers(site.folder, site.store, lambda: clock.now() + 60).step()
    assert site.assume(token)["SubjectFromWebIdentityToken"] == SUBJECT
