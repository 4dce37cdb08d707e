"""The acceptance suite of connectors: what has to hold whatever a connector is made of."""
