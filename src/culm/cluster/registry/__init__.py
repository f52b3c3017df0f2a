"""The OCI registry behind ECR."""
