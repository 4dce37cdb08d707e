"""Delivery of events: transactional outbox, relay, inbox, dead letters. At least once over the wire, exactly once in effect."""
