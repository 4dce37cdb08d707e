"""A year of nights with an injected clock, held against a ledger that was written by hand."""
