"""What a target may be called: its name is a partition key, a file name in plans and a word on a command line."""

from __future__ import annotations

LONGEST_NAME = 100
NAME_RULE = (
    f"a name has 1 to {LONGEST_NAME} characters, does not start with a dot, has no comma, no '...', "
    "no control character and no space at either end"
)


def name_fault(name: str) -> str | None:
    """None for a usable name, else the rule as one phrase; the name itself is not repeated."""
    usable = (
        0 < len(name) <= LONGEST_NAME
        and name == name.strip()
        and not name.startswith(".")
        and "," not in name
        and "..." not in name
        and name.isprintable()
    )
    return None if usable else NAME_RULE
