"""From the world to records of the model: reading targets, and nothing else.

Nothing here judges what it sees, writes to a target, or knows the control plane or Dagster.
"""
