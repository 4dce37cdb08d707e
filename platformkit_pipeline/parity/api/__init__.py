"""API contracts (clauses 4.3 and 9.1): a promised OpenAPI document, and the live service that must keep it."""
