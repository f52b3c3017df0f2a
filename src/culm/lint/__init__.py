"""Secrets where they do not belong: environments, Dockerfiles, images, compose files for staging."""
