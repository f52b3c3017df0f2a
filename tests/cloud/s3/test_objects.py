def test_an_object_comes_back_with_what_was_said_about_it(s3):
    put = s3.put_object(
        Bucket="vault", Key="a/b c+d.txt", Body=b"hello", ContentType="text/plain", Metadata={"Who": "me"}
    )

    got = s3.get_object(Bucket="vault", Key="a/b c+d.txt")

    assert got["Body"].read() == b"hello"
    assert got["ETag"] == put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert got["ContentType"] == "text/plain"
    assert got["Metadata"] == {"who": "me"}
    assert got["ContentLength"] == 5
