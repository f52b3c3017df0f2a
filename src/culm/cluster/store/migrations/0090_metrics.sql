-- One series of points: a metric in one unit.
CREATE TABLE metric (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    dimensions TEXT NOT NULL,
    unit TEXT NOT NULL,
    last_at REAL NOT NULL,
    UNIQUE (namespace, name, dimensions, unit)
) STRICT;

-- Of one minute each; old ones of five minutes, then of an hour.
CREATE TABLE metric_point (
    metric_id INTEGER NOT NULL REFERENCES metric (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    samples REAL NOT NULL,
    sum REAL NOT NULL,
    minimum REAL NOT NULL,
    maximum REAL NOT NULL,
    PRIMARY KEY (metric_id, at)
) STRICT, WITHOUT ROWID;
