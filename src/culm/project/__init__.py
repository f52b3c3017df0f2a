"""The one reader of culm.yml, Dockerfiles and compose files: schema, errors with file and line, what is left out."""
