"""A stand-in for GitHub's REST API on loopback: real HTTP, repositories that change, tokens with permissions, faults to order."""
