"""Event contracts (clauses 4.3 and 9.2): a connector put to the test, or an outbox held to its shape, its limits and its word."""
