-- What the cluster knows of an issuer's keys: a fact, as the loop found it when it asked last.
CREATE TABLE iam_oidc_keys (
    arn TEXT PRIMARY KEY REFERENCES iam_oidc_provider (arn) ON DELETE CASCADE,
    fetched_at REAL NOT NULL,
    -- a JSON Web Key Set; empty where there is none
    keys TEXT NOT NULL,
    -- why there is none; empty where there is one
    problem TEXT NOT NULL
) STRICT;
