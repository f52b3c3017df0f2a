"""Amazon RDS, as far as one embedded PostgreSQL a DB instance goes."""

from culm.cloud.rds import db_instances as db_instances
