"""What S3 keeps: buckets, objects and their versions, uploads in parts, and the bytes."""
