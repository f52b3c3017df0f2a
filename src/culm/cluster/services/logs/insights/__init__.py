"""The query language of CloudWatch Logs Insights, pure: text becomes a query, and a query turns events into rows.

A query is commands with `|` between them; the rows of one are what the next takes:

    fields @timestamp, status | filter status >= 500 | stats count(*) as errors by bin(5m) | sort errors desc | limit 3

`tokens` cuts the text, `expressions` reads what can be computed from a row, `commands` the commands, and `queries`
runs them over events, newest first, and shows what is left. A query that cannot be read raises `Malformed`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""
