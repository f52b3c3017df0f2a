import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def listener(elb):
    return elb.listener(elb.load_balancer())


def test_rules_come_in_the_order_of_evaluation(elb, listener):
    group = elb.target_group()
    elb.rule(listener, group, "/b/*", priority=20)
    first = elb.rule(listener, group, "/a/*", priority=10)
    rules = elb.api.describe_rules(ListenerArn=listener)["Rules"]
    assert [rule["Priority"] for rule in rules] == ["10", "20", "default"]
    assert rules[0]["RuleArn"] == first
    assert first.startswith(listener.replace(":listener/", ":listener-rule/") + "/")
    assert rules[0]["Conditions"] == [
        {"Field": "path-pattern", "Values": ["/a/*"], "PathPatternConfig": {"Values": ["/a/*"]}}
    ]


def test_a_priority_is_used_once(elb, listener):
    group = elb.target_group()
    elb.rule(listener, group, priority=10)
    with pytest.raises(ClientError, match=r"PriorityInUse.*Priority '10' is currently in use"):
        elb.rule(listener, group, priority=10)


def test_rules_change_places_in_one_call_or_not_at_all(elb, listener):
    group = elb.target_group()
    one, two = elb.rule(listener, group, "/1", priority=1), elb.rule(listener, group, "/2", priority=2)
    swap = [{"RuleArn": one, "Priority": 2}, {"RuleArn": two, "Priority": 1}]
    assert [r["Priority"] for r in elb.api.set_rule_priorities(RulePriorities=swap)["Rules"]] == ["2", "1"]
    with pytest.raises(ClientError, match="PriorityInUse"):
        elb.api.set_rule_priorities(RulePriorities=[{"RuleArn": one, "Priority": 1}])
    seen = elb.api.describe_rules(ListenerArn=listener)["Rules"]
    assert [rule["RuleArn"] for rule in seen][:2] == [two, one]


def test_the_default_rule_stays(elb, listener):
    [default] = elb.api.describe_rules(ListenerArn=listener)["Rules"]
    arn = default["RuleArn"]
    for refused in (
        lambda: elb.api.delete_rule(RuleArn=arn),
        lambda: elb.api.modify_rule(RuleArn=arn, Actions=default["Actions"]),
        lambda: elb.api.set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": 1}]),
    ):
        with pytest.raises(ClientError, match="OperationNotPermitted"):
            refused()


def test_modifying_and_deleting(elb, listener):
    old, new = elb.target_group("old"), elb.target_group("new")
    rule = elb.rule(listener, old)
    elb.api.modify_rule(
        RuleArn=rule,
        Conditions=[{"Field": "host-header", "Values": ["*.example.com"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": new}],
    )
    [seen] = elb.api.describe_rules(RuleArns=[rule])["Rules"]
    assert seen["Actions"][0]["TargetGroupArn"] == new
    assert seen["Conditions"][0]["HostHeaderConfig"] == {"Values": ["*.example.com"]}
    elb.api.delete_target_group(TargetGroupArn=old)
    elb.api.delete_rule(RuleArn=rule)
    with pytest.raises(elb.api.exceptions.RuleNotFoundException):
        elb.api.describe_rules(RuleArns=[rule])


def test_a_target_group_belongs_to_one_load_balancer(elb, listener):
    group = elb.target_group()
    elb.rule(listener, group)
    other = elb.listener(elb.load_balancer("other"), 9090)
    with pytest.raises(ClientError, match=r"TargetGroupAssociationLimit.*more than one load balancer"):
        elb.rule(other, group)
    with pytest.raises(elb.api.exceptions.TargetGroupNotFoundException):
        elb.rule(other, group + "0")


def test_a_load_balancer_has_at_most_a_hundred_rules(elb, listener):
    group = elb.target_group()
    for priority in range(1, 101):
        elb.rule(listener, group, f"/{priority}", priority)
    with pytest.raises(ClientError, match="TooManyRules"):
        elb.rule(listener, group, "/101", 101)


def test_amazons_limits_on_conditions_are_errors_of_the_api(elb, listener):
    group = elb.target_group()
    with pytest.raises(ClientError, match=r"ValidationError.*'5' condition values"):
        elb.api.create_rule(
            ListenerArn=listener,
            Priority=1,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": [f"/{n}" for n in range(6)]}}],
            Actions=[{"Type": "forward", "TargetGroupArn": group}],
        )


def a_rewrite(regex="^/x/?(.*)$", replace="/$1"):
    return {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": regex, "Replace": replace}]}}


def test_a_url_rewrite_is_kept_described_changed_and_reset(elb, listener):
    made = elb.rule(listener, elb.target_group(), "/x/*", 1)
    elb.api.modify_rule(RuleArn=made, Transforms=[a_rewrite()])
    [rule] = elb.api.describe_rules(RuleArns=[made])["Rules"]
    assert rule["Transforms"] == [a_rewrite()]
    elb.api.modify_rule(RuleArn=made, Conditions=[{"Field": "path-pattern", "Values": ["/y"]}])
    [rule] = elb.api.describe_rules(RuleArns=[made])["Rules"]
    assert rule["Transforms"] == [a_rewrite()]
    elb.api.modify_rule(RuleArn=made, ResetTransforms=True)
    [rule] = elb.api.describe_rules(RuleArns=[made])["Rules"]
    assert rule["Transforms"] == []


@pytest.mark.parametrize(
    ("transforms", "why"),
    [
        ([a_rewrite(regex="x")], "a pattern from"),
        ([a_rewrite(regex="^(x$")], "not a valid regular expression"),
        ([a_rewrite(replace="x")], "must be a path"),
        ([a_rewrite(replace="/$2")], "names a group"),
        ([a_rewrite(), a_rewrite()], "one transform of each type"),
        ([{"Type": "url-rewrite"}], "needs one rewrite"),
    ],
)
def test_a_rewrite_that_cannot_be_served_is_refused(elb, listener, transforms, why):
    made = elb.rule(listener, elb.target_group(), "/x/*", 1)
    with pytest.raises(ClientError, match=why):
        elb.api.modify_rule(RuleArn=made, Transforms=transforms)


def a_host_rewrite(regex="^(.*)\\.example\\.com$", replace="$1.internal"):
    config = {"Rewrites": [{"Regex": regex, "Replace": replace}]}
    return {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": config}


def test_path_and_host_are_rewritten_by_one_rule(elb, listener):
    made = elb.rule(listener, elb.target_group(), "/x/*", 1)
    elb.api.modify_rule(RuleArn=made, Transforms=[a_rewrite(), a_host_rewrite()])
    [rule] = elb.api.describe_rules(RuleArns=[made])["Rules"]
    assert rule["Transforms"] == [a_rewrite(), a_host_rewrite()]
    for transforms, why in (
        ([a_host_rewrite(), a_host_rewrite()], "one transform of each type"),
        ([a_host_rewrite(replace="a/b")], "must be a host name"),
        ([a_host_rewrite(regex="example")], "of the whole host"),
    ):
        with pytest.raises(ClientError, match=why):
            elb.api.modify_rule(RuleArn=made, Transforms=transforms)


def test_authentication_is_refused_by_name(elb, listener):
    group = elb.target_group()
    rule = {
        "ListenerArn": listener,
        "Priority": 1,
        "Conditions": [{"Field": "path-pattern", "Values": ["/"]}],
        "Actions": [{"Type": "forward", "TargetGroupArn": group}],
    }
    with pytest.raises(ClientError, match=r"culm does not support Actions\[0\]"):
        cognito = {"UserPoolArn": "a", "UserPoolClientId": "b", "UserPoolDomain": "c"}
        sign_in = {"Type": "authenticate-cognito", "AuthenticateCognitoConfig": cognito}
        elb.api.create_rule(**{**rule, "Actions": [sign_in]})
