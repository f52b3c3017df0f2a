"""Simple Storage Service: buckets, objects, versions, uploads in parts; path-style addresses."""
