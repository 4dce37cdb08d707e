"""Rules about connectors, one module per group. The subject is a `ConnectorSnapshot`."""
