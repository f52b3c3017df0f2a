"""New service folders, from templates."""
