ALTER TABLE ssm_parameter_version ADD COLUMN labels TEXT NOT NULL DEFAULT '[]'; -- a JSON list
ALTER TABLE ssm_parameter_version ADD COLUMN about TEXT; -- the parameter as it was then; NULL: as it is
