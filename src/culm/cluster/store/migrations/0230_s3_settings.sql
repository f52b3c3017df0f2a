-- What clients say about a bucket: one JSON document for each kind of setting.
CREATE TABLE s3_bucket_setting (
    bucket TEXT NOT NULL REFERENCES s3_bucket ON DELETE CASCADE,
    kind TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (bucket, kind)
) STRICT, WITHOUT ROWID;
