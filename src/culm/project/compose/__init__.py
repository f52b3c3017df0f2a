"""Compose files, by the Compose Specification: one reader for all that looks into them.

`load` reads files, `tree` keeps every value with its place, `interpolation` fills in variables, `dotenv` reads `.env`
and `env_file`, `merge` lays one file over another, `services` reads short and long forms alike, `values` the small
languages. https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""
