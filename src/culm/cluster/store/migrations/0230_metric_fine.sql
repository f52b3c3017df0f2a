-- The same as metric_point and metric_value, of ten seconds each; a day of them is kept.
CREATE TABLE metric_fine_point (
    metric_id INTEGER NOT NULL REFERENCES metric (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    samples REAL NOT NULL,
    sum REAL NOT NULL,
    minimum REAL NOT NULL,
    maximum REAL NOT NULL,
    PRIMARY KEY (metric_id, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE metric_fine_value (
    metric_id INTEGER NOT NULL REFERENCES metric (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    value REAL NOT NULL,
    samples REAL NOT NULL,
    PRIMARY KEY (metric_id, at, value)
) STRICT, WITHOUT ROWID;
