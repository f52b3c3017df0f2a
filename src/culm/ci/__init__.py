"""Continuous integration: the workflow that `culm ci` writes, its pull-request comment, its test summary."""
