CREATE TABLE iam_instance_profile (
    name TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    role TEXT REFERENCES iam_role (name),
    body TEXT NOT NULL
) STRICT;
