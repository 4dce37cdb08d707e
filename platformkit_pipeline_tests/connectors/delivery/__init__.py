"""Tests of delivery: outbox, relay, inbox, dead letters."""
