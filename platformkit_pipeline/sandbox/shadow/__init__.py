"""From an observed snapshot to the statements that rebuild its schema, and the private server on which they are run.

One module per kind of object says what makes it; `script` puts them in order, `building` runs them, `folders` keeps and
sweeps the servers' folders. Nothing here observes or compares: that is for `remediation.shadows`.
"""
