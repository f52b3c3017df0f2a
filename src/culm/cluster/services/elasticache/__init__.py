"""Amazon ElastiCache, as far as one embedded Valkey or Redis server a replication group goes."""
