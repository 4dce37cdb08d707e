"""Data contracts: Open Data Contract Standard documents held against the catalogue and the rows of a live database.

What is checked and how such a file is written is told in `docs/contracts-data.md`. Nothing here writes, and no row leaves the server
but a bounded sample of columns that the contract declares public or internal.
"""
