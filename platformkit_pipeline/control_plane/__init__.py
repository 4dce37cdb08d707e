"""The ops schema: connection, migrations, one store per noun, audit log, metrics.

A store is a module of functions over a connection; the caller owns the transaction, so that all writes of one step
stand or fall together. What is written here was observed or decided elsewhere: no rule, no SQL of targets, no Dagster.
"""
