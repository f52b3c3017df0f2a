-- What a rule signs users in with: the client's secret, the key of its sessions, the key that signs what targets read.
CREATE TABLE elbv2_sign_in (
    id INTEGER PRIMARY KEY,
    rule_arn TEXT NOT NULL UNIQUE REFERENCES elbv2_rule ON DELETE CASCADE,
    kid TEXT NOT NULL UNIQUE, -- the name of the public key
    public_key TEXT NOT NULL, -- PEM
    key_id INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
