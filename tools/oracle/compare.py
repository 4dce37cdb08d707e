"""Object by object: who says the same, who says more. Pure; `tools.oracle.kinds` says why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from platformkit_pipeline.model.result import Result
from tools.oracle.mapping import Lint
from tools.oracle.peers import PeerFinding


class Side(StrEnum):
    PEER = "peer"
    """The peer speaks, we do not."""
    OURS = "ours"
    """We speak, the peer does not."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One place about which one side speaks and the other does not."""

    subject: str
    side: Side
    peer: str
    name: str
    """The lint, or the code of our rule."""
    place: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of one database with one peer."""

    agreed: Mapping[str, int]
    """Places by lint that both sides speak about."""
    differences: tuple[Difference, ...]


def place_of(result: Result) -> str:
    """As peers name it: the relation for what lives on one, the function without its arguments."""
    identity = result.object
    return identity.name if identity.schema is None else f"{identity.schema}.{identity.name}"


def relation_of(place: str, places: frozenset[str]) -> str:
    """A peer's `schema.relation.policy` or `schema.relation (constraint)`, cut down to an object that exists."""
    bare = place.split(" (", 1)[0].replace('"', "")
    while bare not in places and bare.count(".") > 1:
        bare = bare.rsplit(".", 1)[0]
    return bare


def compare(
    subject: str,
    peer: str,
    said: Iterable[PeerFinding],
    ours: Iterable[Result],
    counterparts: Mapping[Lint, frozenset[str]],
    places: frozenset[str],
) -> Comparison:
    """`places` are the names of the objects of the database, `schema.name`."""
    theirs: dict[str, dict[str, str]] = defaultdict(dict)
    for finding in said:
        theirs[finding.lint].setdefault(relation_of(finding.place, places), finding.text)
    mine: dict[str, dict[str, str]] = defaultdict(dict)
    for result in ours:
        if result.is_finding:
            mine[result.rule].setdefault(place_of(result), result.message)
    agreed: dict[str, int] = {}
    differences: list[Difference] = []
    lints = {lint: codes for (name, lint), codes in counterparts.items() if name == peer}
    for lint, codes in lints.items():
        known = {place for code in codes for place in mine.get(code, ())}
        agreed[lint] = len(known & theirs.get(lint, {}).keys())
        differences += [
            Difference(subject, Side.PEER, peer, lint, place, text) for place, text in theirs.get(lint, {}).items() if place not in known
        ]
    for code in sorted({code for codes in lints.values() for code in codes}):
        covered = {place for lint, codes in lints.items() if code in codes for place in theirs.get(lint, ())}
        differences += [
            Difference(subject, Side.OURS, peer, code, place, text) for place, text in mine.get(code, {}).items() if place not in covered
        ]
    return Comparison(agreed, tuple(sorted(differences)))
