"""The AWS services, a folder each, a file per noun."""
