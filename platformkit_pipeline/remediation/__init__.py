"""From findings to patches: SQL that mends a finding, its undo, and what only a person can decide.

Pure: patches are built from the snapshot and the declarations; nothing here connects to a database. Every patch is
born *unproven*; a proof is made elsewhere, on a copy of the target. `diagrams` draws, with a browser of the sandbox.
"""
