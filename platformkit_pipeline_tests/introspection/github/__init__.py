"""Tests of the client of GitHub, over HTTP against the stand-in."""
