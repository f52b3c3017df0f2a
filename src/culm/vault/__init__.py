"""Configuration files by environment and service, in a versioned bucket; and what keeps their values secret."""
