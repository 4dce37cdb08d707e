"""Connectors that installed distributions offer under a name: the entry points of the group `platformkit.connectors`.

Nothing is imported here. What is broken is reported, because a package that somebody else installed must not stop this one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

GROUP = "platformkit.connectors"


@dataclass(frozen=True, slots=True, order=True)
class Offered:
    """A name, and the class path that it stands for. With a `fault` the name cannot be used."""

    name: str
    class_path: str
    distribution: str = ""
    fault: str = ""


def offered_connectors(found: Iterable[EntryPoint] | None = None) -> tuple[Offered, ...]:
    """All names on offer, sorted; each name once. `found` in place of what is installed."""
    by_name: dict[str, set[Offered]] = defaultdict(set)
    for point in entry_points(group=GROUP) if found is None else found:
        distribution = point.dist.name if point.dist is not None else ""
        by_name[point.name].add(Offered(point.name, point.value.replace(" ", ""), distribution, _fault(point.value)))
    return tuple(_one(name, offers) for name, offers in sorted(by_name.items()))


def _one(name: str, offers: set[Offered]) -> Offered:
    """An installation that is on the path twice offers the same twice, which is no contradiction."""
    different = sorted({offer.class_path: offer for offer in sorted(offers)}.values())
    if len(different) == 1:
        return different[0]
    told = " and ".join(f"{o.class_path} (of {o.distribution or 'an unknown distribution'})" for o in different)
    return Offered(name, different[0].class_path, different[0].distribution, f"the name is on offer more than once: {told}")


def _fault(value: str) -> str:
    if EntryPoint.pattern.match(value) is None or ":" not in value:
        return f"the entry point {value!r} is no class path: expected package.module:ClassName"
    return ""
