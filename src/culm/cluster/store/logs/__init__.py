"""Log groups, streams and events, and where the followers of containers' logs go on."""

from culm.cluster.store.logs.following import LogBatch as LogBatch
from culm.cluster.store.logs.following import append as append
from culm.cluster.store.logs.following import cursor as cursor
