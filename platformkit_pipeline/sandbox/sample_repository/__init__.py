"""A sample repository that keeps every rule, and changes to it that break one: for tests, examples and the self-test of rules."""
