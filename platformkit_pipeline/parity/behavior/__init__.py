"""Behaviour contracts (clauses 4.3 and 5.1): user journeys in SQL as a role or over HTTP, and the trial of tenant isolation."""
