"""IAM: roles, what they may do, and who may assume them."""
