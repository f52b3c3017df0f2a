"""What commands print, for people, as Markdown and as JSON. Pure."""
