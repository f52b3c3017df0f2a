"""New service folders from templates, and a culm.yml from a repository or a compose file."""
