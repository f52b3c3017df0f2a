"""Amazon RDS, as far as one embedded PostgreSQL a DB instance goes."""
