"""Delivery of events: transactional outbox, relay, inbox, dead letters. At least once over the wire, exactly once in effect.

Belongs here: what stands between the transaction that makes an event true and the transaction in which it takes effect elsewhere.
Does not belong here: what the events of this product say (`notifications`) and where they go (`operations.deliver_events`).
"""
