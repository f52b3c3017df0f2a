"""The dashboard: a client of the AWS API like any other."""
