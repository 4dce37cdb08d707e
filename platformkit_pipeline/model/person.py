"""Whether two names are one person's, as far as names tell (clauses 10.1, 11.1, 13): two approvals need two people."""

from __future__ import annotations

import unicodedata


def same_person(one: str, other: str) -> bool:
    """Capital letters, white space, a leading @, the width of letters and what cannot be seen make no second person.

    >>> same_person("@Ann", "ann "), same_person("ann", "bob")
    (True, False)
    """
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    seen = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    # The dot that a Turkish capital I leaves behind: databases drop it.
    return " ".join(unicodedata.normalize("NFKC", seen.casefold().replace("\u0307", "")).split()).strip("@ ")
