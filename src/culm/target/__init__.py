"""An endpoint that speaks the AWS API: how to reach it, what it shows, how its faults read."""
