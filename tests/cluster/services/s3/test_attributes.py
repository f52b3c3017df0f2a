"""GetObjectAttributes: what is asked for."""

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]


def asked(s3, key, attributes=ALL):
    told = s3.get_object_attributes(Bucket="vault", Key=key, ObjectAttributes=attributes)
    return {name: value for name, value in told.items() if name not in ("ResponseMetadata", "LastModified")}


def test_an_object_tells_what_is_asked_for(s3):
    put = s3.put_object(Bucket="vault", Key="a", Body=b"hello", ChecksumAlgorithm="SHA256")
    checksum = {"ChecksumSHA256": put["ChecksumSHA256"], "ChecksumType": "FULL_OBJECT"}
    own = {"ETag": put["ETag"].strip('"'), "Checksum": checksum, "StorageClass": "STANDARD", "ObjectSize": 5}
    assert asked(s3, "a") == own
    assert asked(s3, "a", ["ObjectSize"]) == {"ObjectSize": 5}


def test_of_one_in_parts_it_tells_how_many(s3):
    upload = s3.create_multipart_upload(Bucket="vault", Key="b")["UploadId"]
    part = s3.upload_part(Bucket="vault", Key="b", UploadId=upload, PartNumber=1, Body=b"1")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="vault", Key="b", UploadId=upload, MultipartUpload=parts)
    assert asked(s3, "b", ["ObjectParts"]) == {"ObjectParts": {"TotalPartsCount": 1}}
