"""`culm exec`: a command in a service's task, its terminal and its exit status."""
