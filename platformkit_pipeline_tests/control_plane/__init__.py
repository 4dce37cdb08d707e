"""Tests of the room `control_plane`."""
