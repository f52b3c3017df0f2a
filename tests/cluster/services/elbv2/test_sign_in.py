"""Actions that have users sign in: what they need, where they may be, and that nobody is shown the secret."""

import pytest
from botocore.exceptions import ClientError

OIDC = {
    "Issuer": "https://login.example.com",
    "AuthorizationEndpoint": "https://login.example.com/authorize",
    "TokenEndpoint": "https://login.example.com/token",
    "UserInfoEndpoint": "https://login.example.com/userinfo",
    "ClientId": "shop",
    "ClientSecret": "hush",
}
OK = {"Type": "fixed-response", "Order": 2, "FixedResponseConfig": {"StatusCode": "200"}}
WHEN = [{"Field": "path-pattern", "Values": ["/admin/*"]}]


def signs_in(**changed):
    config = {name: value for name, value in {**OIDC, **changed}.items() if value is not None}
    return [OK, {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": config}]


@pytest.fixture
def listener(elb, cloud):
    arn = cloud.client("acm").request_certificate(DomainName="a.example.com", KeyAlgorithm="EC_prime256v1")
    made = elb.api.create_listener(
        LoadBalancerArn=elb.load_balancer(), Protocol="HTTPS", Port=8443,
        Certificates=[{"CertificateArn": arn["CertificateArn"]}],
        DefaultActions=[{**OK, "Order": 1}],
    )  # fmt: skip
    return made["Listeners"][0]["ListenerArn"]


def create(elb, listener, actions):
    return elb.api.create_rule(ListenerArn=listener, Priority=1, Conditions=WHEN, Actions=actions)["Rules"][0]


def test_a_rule_is_described_with_its_defaults_in_order_and_without_the_secret(elb, listener, cloud):
    made = create(elb, listener, signs_in(AuthenticationRequestExtraParams={"prompt": "login"}))
    [described] = elb.api.describe_rules(RuleArns=[made["RuleArn"]])["Rules"]
    assert described["Actions"] == made["Actions"]
    assert [action["Type"] for action in made["Actions"]] == ["authenticate-oidc", "fixed-response"]
    assert made["Actions"][0]["AuthenticateOidcConfig"] == {
        **{name: value for name, value in OIDC.items() if name != "ClientSecret"},
        "SessionCookieName": "AWSELBAuthSessionCookie",
        "Scope": "openid",
        "SessionTimeout": 604800,
        "AuthenticationRequestExtraParams": {"prompt": "login"},
        "OnUnauthenticatedRequest": "authenticate",
    }
    stored = "\n".join(cloud.db.iterdump())
    assert "hush" not in stored and OIDC["ClientId"] in stored


def test_a_listener_s_default_may_ask_for_users_and_the_secret_stays_when_it_is_said(elb, listener):
    elb.api.modify_listener(ListenerArn=listener, DefaultActions=signs_in())
    kept = signs_in(ClientSecret=None, UseExistingClientSecret=True, Scope="openid email")
    [changed] = elb.api.modify_listener(ListenerArn=listener, DefaultActions=kept)["Listeners"]
    config = changed["DefaultActions"][0]["AuthenticateOidcConfig"]
    assert config["Scope"] == "openid email" and "ClientSecret" not in config
    elb.api.modify_listener(ListenerArn=listener, DefaultActions=[{**OK, "Order": 1}])
    with pytest.raises(ClientError, match="A client secret must be specified"):
        elb.api.modify_listener(ListenerArn=listener, DefaultActions=kept)


def test_users_sign_in_over_https_alone(elb, listener):
    plain = elb.listener(elb.load_balancer())
    with pytest.raises(ClientError, match="'authenticate-oidc' are supported only on HTTPS listeners"):
        create(elb, plain, signs_in())
    create(elb, listener, signs_in())
    with pytest.raises(ClientError, match="supported only on HTTPS listeners"):
        elb.api.modify_listener(ListenerArn=listener, Protocol="HTTP")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"TokenEndpoint": "http://login.example.com/token"}, "'TokenEndpoint' must be a full URL"),
        ({"TokenEndpoint": "https:///token"}, "'TokenEndpoint' must be a full URL"),
        ({"Issuer": "login"}, "'Issuer' must be a full URL"),
        ({"ClientSecret": None}, "A client secret must be specified"),
        ({"ClientSecret": None, "UseExistingClientSecret": True}, "A client secret must be specified"),
        ({"SessionTimeout": 604801}, "The session timeout '604801'"),
        ({"SessionCookieName": "a=b"}, "The session cookie name 'a=b' is not valid"),
        ({"AuthenticationRequestExtraParams": {str(n): "x" for n in range(11)}}, "At most 10 extra parameters"),
    ],
)
def test_what_no_sign_in_can_be_made_of_is_refused(elb, listener, changed, words):
    with pytest.raises(ClientError, match=words):
        create(elb, listener, signs_in(**changed))


def test_the_answer_comes_after_the_sign_in(elb, listener):
    sign_in = signs_in()[1]
    for actions, words in (
        ([sign_in], "Exactly one forward, redirect or fixed-response"),
        ([{**OK, "Order": 1}, {**sign_in, "Order": 2}], "must be the last one by its order"),
        ([{**OK, "Order": 1}, sign_in], "must be the last one by its order"),
    ):
        with pytest.raises(ClientError, match=words):
            create(elb, listener, actions)
