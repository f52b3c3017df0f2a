"""Services without containers and without a cluster's tasks: run by hand from conf/, or for their integration tests."""
