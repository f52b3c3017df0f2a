"""From a manifest to a live target, through boto3 alone."""
