"""Repositories, their images, tags and layers, and the tokens that open the registry."""
