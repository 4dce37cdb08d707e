"""Contract tests (clause 4.3): contract files beside a live target, and what came of holding one against the other.

One package per dimension. Each offers `run(contract, surroundings)`, which yields one `CheckResult` per check that the contract declares,
whatever happens: what could not be tried is UNKNOWN with its reason.
"""
