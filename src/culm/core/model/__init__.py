"""Values that every room shares: tasks, services, instances, rules, sizes, ARNs; no I/O."""
