"""culm.yml: schema, load, render."""
