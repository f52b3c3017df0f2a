"""What is live otherwise than culm.yml says, and who wins when `culm up` runs."""
