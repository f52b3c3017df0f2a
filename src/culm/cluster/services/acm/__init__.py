"""AWS Certificate Manager: certificates of one's own, and those that the cluster's own authority issues."""
