"""A service's folder becomes an image: by a container engine, or by this host as far as it honestly can."""
