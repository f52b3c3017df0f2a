-- issuers of web identities, such as a CI's
CREATE TABLE iam_oidc_provider (
    arn TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
