"""Tests of the room `operations`."""
