"""SQLite: one writer, a file per noun."""
