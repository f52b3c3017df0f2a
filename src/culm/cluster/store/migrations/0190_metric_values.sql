-- How many samples of a point had which value, rounded; kept where percentiles are asked for.
CREATE TABLE metric_value (
    metric_id INTEGER NOT NULL REFERENCES metric (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    value REAL NOT NULL,
    samples REAL NOT NULL,
    PRIMARY KEY (metric_id, at, value)
) STRICT, WITHOUT ROWID;
