"""Tests of the rules about connectors."""
