"""Configuration: whole files by environment and service, in a versioned bucket; and what keeps them secret."""
