-- what is said of a whole registry: its policy, how its repositories are scanned
CREATE TABLE ecr_registry (
    region TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- scans of images that were asked for
CREATE TABLE ecr_scan (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    started_at REAL NOT NULL,
    PRIMARY KEY (repository, digest),
    FOREIGN KEY (repository, digest) REFERENCES ecr_image (repository, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
