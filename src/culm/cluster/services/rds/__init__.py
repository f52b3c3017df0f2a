"""Amazon RDS, as far as one embedded PostgreSQL or MariaDB a DB instance goes."""
