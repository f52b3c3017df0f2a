"""The page that `culm open` serves: the whole staging environment, live, in a browser.

```
 AWS API --> operate/snapshot --> watcher --> views (pure: records to HTML) --> server --> browser
                                    |                                            |
                                  feed (log lines)                            jobs (culm's own commands)
```

`views/` are functions from records to HTML and know nothing of HTTP. `watcher` looks at the target, once for all who
look at the page, and not at all while nobody does. `security` judges each request before anything else does. What a
person may do is a command of culm's: `jobs` runs it as a process, so that the page can do nothing the command does not.
"""
