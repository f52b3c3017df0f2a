import pytest

URL = "https://token.actions.githubusercontent.com"
THUMBPRINT = "A" * 40


@pytest.fixture
def iam(cloud):
    return cloud.client("iam")


@pytest.fixture
def provider(iam):
    made = iam.create_open_id_connect_provider(
        Url=URL,
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=[THUMBPRINT],
        Tags=[{"Key": "team", "Value": "a"}],
    )
    return made["OpenIDConnectProviderArn"]


def described(iam, provider):
    return iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider)


def test_a_provider_is_described_without_its_scheme(iam, provider):
    assert provider == "arn:aws:iam::000000000000:oidc-provider/token.actions.githubusercontent.com"
    shown = described(iam, provider)
    assert (shown["Url"], shown["ClientIDList"]) == (URL.removeprefix("https://"), ["sts.amazonaws.com"])
    assert shown["ThumbprintList"] == [THUMBPRINT.lower()]
    assert shown["Tags"] == [{"Key": "team", "Value": "a"}]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": provider}]


def test_a_provider_exists_once_and_its_url_is_https(iam, provider):
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException, match=f"Provider with url {URL} already exists"):
        iam.create_open_id_connect_provider(Url=URL)
    with pytest.raises(iam.exceptions.InvalidInputException, match="Invalid Open ID Connect Provider URL"):
        iam.create_open_id_connect_provider(Url="http://example.org")


def test_audiences_thumbprints_and_tags_change(iam, provider):
    named = {"OpenIDConnectProviderArn": provider}
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**named, ClientID="other")
    assert described(iam, provider)["ClientIDList"] == ["sts.amazonaws.com", "other"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="sts.amazonaws.com")
    assert described(iam, provider)["ClientIDList"] == ["other"]

    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["b" * 40])
    assert described(iam, provider)["ThumbprintList"] == ["b" * 40]
    with pytest.raises(iam.exceptions.LimitExceededException, match="ThumbprintsPerOpenIdConnectProvider: 5"):
        iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=[f"{n:040}" for n in range(6)])

    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "stage", "Value": "prod"}])
    iam.untag_open_id_connect_provider(**named, TagKeys=["team"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [{"Key": "stage", "Value": "prod"}]


def test_a_provider_that_was_deleted_is_not_found(iam, provider):
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    with pytest.raises(iam.exceptions.NoSuchEntityException, match=f"not found for arn {provider}"):
        described(iam, provider)


def test_keys_of_tags_that_differ_in_their_case_alone_are_refused(iam):
    tags = [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]
    with pytest.raises(iam.exceptions.InvalidInputException, match="Duplicate tag keys found"):
        iam.create_open_id_connect_provider(Url=URL, Tags=tags)
