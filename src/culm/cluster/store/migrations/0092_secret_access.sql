ALTER TABLE secret_version ADD COLUMN accessed_at REAL; -- the beginning of the day when it was last read
