"""The rule book: pure functions from what was observed to results. No I/O, no Dagster, no driver."""
