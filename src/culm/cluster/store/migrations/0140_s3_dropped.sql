-- Bodies of objects that nothing names any more and that are deleted by and by: a large one at once would make all wait.
CREATE TABLE s3_dropped (
    body_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
