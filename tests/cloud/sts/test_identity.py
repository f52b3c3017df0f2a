def test_the_caller_is_the_account_s_root(cloud):
    answer = cloud.client("sts").get_caller_identity()

    assert answer["Account"] == "000000000000"
    assert answer["Arn"] == "arn:aws:iam::000000000000:root"
