CREATE TABLE ecr_repository (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ecr_image (
    repository TEXT NOT NULL REFERENCES ecr_repository (name) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    subject TEXT,
    pushed_at REAL NOT NULL,
    pulled_at REAL,
    body TEXT NOT NULL,
    manifest BLOB NOT NULL,
    UNIQUE (repository, digest)
) STRICT;
CREATE INDEX ecr_image_by_subject ON ecr_image (repository, subject) WHERE subject IS NOT NULL;

CREATE TABLE ecr_tag (
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (repository, tag),
    FOREIGN KEY (repository, digest) REFERENCES ecr_image (repository, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX ecr_tag_by_digest ON ecr_tag (repository, digest);

-- What an image needs: its layers and configuration, or the images that an index lists.
CREATE TABLE ecr_reference (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    image TEXT NOT NULL,
    PRIMARY KEY (repository, digest, image),
    FOREIGN KEY (repository, image) REFERENCES ecr_image (repository, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX ecr_reference_by_image ON ecr_reference (repository, image);

-- Blobs are files; a row here says that the file is whole.
CREATE TABLE ecr_blob (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which repository has which blob; `touched_at` is when a push last relied on it.
CREATE TABLE ecr_layer (
    repository TEXT NOT NULL REFERENCES ecr_repository (name) ON DELETE CASCADE,
    digest TEXT NOT NULL REFERENCES ecr_blob (digest),
    touched_at REAL NOT NULL,
    PRIMARY KEY (repository, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX ecr_layer_by_digest ON ecr_layer (digest);

-- Tokens are known by their SHA-256 only.
CREATE TABLE ecr_token (
    hash BLOB PRIMARY KEY,
    expires_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
