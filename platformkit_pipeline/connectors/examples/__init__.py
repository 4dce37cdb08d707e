"""Connectors that show how it is done, and how it is not: one well-kept, and broken ones of which each breaks one demand.

Belongs here: what the acceptance suite is put to the test with. Does not belong here: connectors for production.
"""
