"""What IAM keeps: roles, and policies in them and beside them."""
