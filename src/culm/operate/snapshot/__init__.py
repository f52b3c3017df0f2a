"""What a staging environment is now, as one value: what the page, `culm top` and `--json` all show.

`look.Looker` asks the AWS API and returns what it was answered (`observed.Observed`, in AWS's own words).
`compose.compose` turns that into a `records.Snapshot`: pure, so each view of it can be tested as text.
"""
