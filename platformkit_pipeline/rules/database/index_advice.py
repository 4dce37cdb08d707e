"""Which indexes would serve a set of look-ups, so that no two of them contradict or repeat one another. No rule stands here.

A look-up needs an index whose first columns are those it compares with `=`, in any order, followed by the columns it sorts
by or takes a range of, in theirs. One index may serve several look-ups, because equality leaves the order open: (a) and
(b, a) become one index on (a, b). What is recommended is never the beginning of another recommendation or of an index
that exists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Name = tuple[str, str]
"""(schema, relation)."""
Columns = tuple[str, ...]
Preference = Callable[[Name, str], float]


@dataclass(frozen=True, slots=True)
class Need:
    """One look-up in one relation; `who` names what needs it. At least one column."""

    relation: Name
    equality: frozenset[str]
    sorting: Columns = ()
    who: str = ""

    @property
    def width(self) -> int:
        return len(self.equality) + len(self.sorting)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An index to create, and who needs it."""

    relation: Name
    columns: Columns
    needed_by: tuple[str, ...]


def serves(columns: Columns, need: Need) -> bool:
    """An index on `columns` finds what the look-up wants, in its order."""
    width = len(need.equality)
    return frozenset(columns[:width]) == need.equality and columns[width : need.width] == need.sorting


def recommend(
    needs: Iterable[Need],
    existing: Mapping[Name, Sequence[Columns]],
    preference: Preference = lambda _relation, _column: 0.0,
) -> tuple[Recommendation, ...]:
    """Indexes for the needs that no existing one serves, by relation and columns.

    Among columns whose order is open, the one that `preference` ranks lowest comes first, then by name.
    """
    drafts: dict[Name, list[_Draft]] = defaultdict(list)
    for need, who in _widest_first(needs):
        if any(serves(columns, need) for columns in existing.get(need.relation, ())):
            continue
        if not any(draft.absorb(need, who) for draft in drafts[need.relation]):
            drafts[need.relation].append(_Draft(need, who))
    found = []
    for relation, of_relation in drafts.items():
        for draft in of_relation:
            columns = tuple(c for block in draft.blocks for c in sorted(block, key=lambda c: (preference(relation, c), c)))
            found.append(Recommendation(relation, columns, tuple(sorted(draft.who))))
    return tuple(sorted(found, key=lambda r: (r.relation, r.columns)))


def _widest_first(needs: Iterable[Need]) -> list[tuple[Need, frozenset[str]]]:
    """Each look-up once, with everybody who needs it. A column that is compared with `=` needs no sorting."""
    who: dict[Need, set[str]] = defaultdict(set)
    for need in needs:
        sorting = tuple(dict.fromkeys(c for c in need.sorting if c not in need.equality))
        if need.equality or sorting:
            who[Need(need.relation, need.equality, sorting)].add(need.who)
    order = sorted(who, key=lambda n: (-n.width, n.relation, sorted(n.equality), n.sorting))
    return [(need, frozenset(who[need])) for need in order]


class _Draft:
    """An index whose order is not settled yet: blocks of columns, open within a block."""

    def __init__(self, need: Need, who: frozenset[str]) -> None:
        self.blocks = _blocks(need)
        self.who = set(who)

    def absorb(self, need: Need, who: frozenset[str]) -> bool:
        """Settle just enough of the order to serve this look-up, which is no wider, as well. False when that cannot be."""
        settled = _settled(self.blocks, _blocks(need))
        if settled is None:
            return False
        self.blocks = settled
        self.who |= who
        return True


def _blocks(need: Need) -> list[frozenset[str]]:
    return [block for block in (need.equality, *(frozenset({s}) for s in need.sorting)) if block]


def _settled(blocks: list[frozenset[str]], wanted: list[frozenset[str]]) -> list[frozenset[str]] | None:
    """The blocks, split so that they begin with `wanted`; None when that is impossible."""
    done: list[frozenset[str]] = []
    rest = list(blocks)
    for missing in wanted:
        while missing:
            block = rest.pop(0) if rest else frozenset()
            if not block or not (block <= missing or missing < block):
                return None
            done.append(block & missing)
            if missing < block:
                rest.insert(0, block - missing)
            missing -= block  # noqa: PLW2901 - what is left of this one
    return done + rest
