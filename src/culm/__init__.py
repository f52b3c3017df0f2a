"""culm: the staging environment a small team can afford."""

__version__ = "0.1.0"
