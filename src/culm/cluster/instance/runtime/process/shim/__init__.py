"""The supervisor of one host-process container: a small process of its own that outlives the daemon.

    daemon  --plan.json, stop-->  shim  --state.json, output/-->  daemon
                                   | fork, exec
                                   container's processes (own session; own cgroup where one can be made)

Nothing here imports anything but the standard library and this package, so that it starts in milliseconds and stays
small (`python -I -S -E`). The container's directory is the whole protocol: a daemon that comes back reads it and knows
everything. The shim holds a lock on `lock` for as long as it lives, so its death is seen without trusting process ids.
"""
