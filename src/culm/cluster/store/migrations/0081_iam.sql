CREATE TABLE iam_role (
    name TEXT PRIMARY KEY,
    arn TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE iam_role_policy (
    role TEXT NOT NULL REFERENCES iam_role ON DELETE CASCADE,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (role, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE iam_policy (
    arn TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE iam_attachment (
    role TEXT NOT NULL REFERENCES iam_role ON DELETE CASCADE,
    policy_arn TEXT NOT NULL,
    PRIMARY KEY (role, policy_arn)
) STRICT, WITHOUT ROWID;

CREATE TABLE s3_bucket_policy (
    bucket TEXT PRIMARY KEY REFERENCES s3_bucket ON DELETE CASCADE,
    document TEXT NOT NULL
) STRICT;
