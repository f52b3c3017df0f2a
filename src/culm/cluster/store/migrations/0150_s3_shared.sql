-- A copy of an object names the body of the other: whether a body is named any more is asked at each deletion.
CREATE INDEX s3_object_body ON s3_object (body_id) WHERE body_id IS NOT NULL;
