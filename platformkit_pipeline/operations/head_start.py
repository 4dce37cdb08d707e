"""What a scan does while the server works: it loads the rules, and judges by some of them before all the rest is there.

Most rules need neither constraints nor triggers, those about policies among them, which take longest. As soon as a large
catalogue has shown what they need, a copy of this process judges by them, while this one goes on reading. Nothing depends
on it: what was not judged beforehand is judged when everything is there, with the same results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from platformkit_pipeline.model.catalog_kind import CatalogKind
from platformkit_pipeline.model.target import Declarations

if TYPE_CHECKING:
    from platformkit_pipeline.model.result import Result
    from platformkit_pipeline.model.snapshot import Server, Snapshot, Unobserved
    from platformkit_pipeline.rules.registry import Rule

WORTH_A_PROCESS = 10_000
"""Columns from which on judging takes longer than copying the process twice over."""

_LATER = frozenset({CatalogKind.CONSTRAINTS, CatalogKind.TRIGGERS, CatalogKind.TYPES, CatalogKind.STORAGE_BUCKETS, CatalogKind.CRON_JOBS})
"""Kinds that no rule waits for which is judged beforehand."""


_WANTED = {kind.value for kind in CatalogKind} - {kind.value for kind in _LATER} - {CatalogKind.SERVER.value} | {"relation_statistics"}


class AskedTooEarlyError(LookupError):
    """A rule asked for what it does not require, and what had not arrived."""


@dataclass(frozen=True, slots=True)
class EarlyResults:
    """Results of the rules with these codes; `results` waits for them. It raises AskedTooEarlyError."""

    codes: frozenset[str]
    results: Callable[[], tuple[Result, ...]]


class HeadStart:
    """For one observation, as `observe` asks for it; a context manager that leaves no process behind."""

    def __init__(self, declarations: Declarations, rules: Sequence[Rule] | None) -> None:
        self._declarations = declarations
        self._rules = rules
        self._pieces: deque[Callable[[], object]] = deque((_load_judge, _load_rules))
        self._seen: dict[str, Sequence[Any]] = {}
        self._server: Server | None = None
        self._unobserved: tuple[Unobserved, ...] = ()
        self._copies = ExitStack()
        self.early: EarlyResults | None = None
        """What is being judged already, if anything is."""

    def __enter__(self) -> HeadStart:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._copies.close()

    def begin(self, server: Server, unobserved: Sequence[Unobserved]) -> None:
        """Forget what was seen of an earlier attempt."""
        self._copies.close()
        self.early, self._seen = None, {}
        self._server, self._unobserved = server, tuple(unobserved)

    def piece(self) -> bool:
        """Load what judges; False when it is loaded."""
        if not self._pieces:
            return False
        self._pieces.popleft()()
        return True

    def seen(self, field: str, records: Sequence[Any]) -> None:
        """All records of one field of the snapshot have arrived; begin to judge when there is enough."""
        self._seen[field] = records
        if self.early is None and self._is_enough():
            self._judge_beside()

    def _is_enough(self) -> bool:
        there = {*self._seen, *(u.what for u in self._unobserved)}
        return there >= _WANTED and len(self._seen.get(CatalogKind.COLUMNS.value, ())) >= WORTH_A_PROCESS

    def _judge_beside(self) -> None:
        while self.piece():
            pass
        from platformkit_pipeline.operations.second_process import done_beside
        from platformkit_pipeline.rules.evaluate import evaluate
        from platformkit_pipeline.rules.registry import Scope, Source, rules_for

        rules = [
            rule
            for rule in (rules_for(Scope.PROJECT) if self._rules is None else self._rules)
            if rule.source is Source.CATALOG and not _LATER & set(rule.requires)
        ]
        snapshot = self._part_of_a_snapshot()
        results = self._copies.enter_context(done_beside(lambda: evaluate(snapshot, self._declarations, rules)))
        self.early = EarlyResults(frozenset(rule.code for rule in rules), results)

    def _part_of_a_snapshot(self) -> Snapshot:
        from platformkit_pipeline.model.snapshot import Snapshot

        refused = {u.what for u in self._unobserved}
        missing: dict[str, Any] = {
            field.name: () if field.name in refused else NotSeenYet(field.name)
            for field in fields(Snapshot)
            if field.name not in self._seen
        }
        given = {"server": self._server, "unobserved": self._unobserved, "isolation": None}
        return Snapshot(**{**missing, **self._seen, **given})


class NotSeenYet:
    """Stands for records that have not arrived. Whoever asks for them fails, instead of taking them for none."""

    def __init__(self, field: str) -> None:
        self._field = field

    def __iter__(self) -> NoReturn:
        raise AskedTooEarlyError(f"a rule asks for {self._field}, which it does not require")

    __len__ = __bool__ = __iter__

    def __getattr__(self, name: str) -> NoReturn:
        self.__iter__()


def _load_judge() -> None:
    from platformkit_pipeline.operations import judge  # noqa: F401 - for its being loaded


def _load_rules() -> None:
    from platformkit_pipeline.rules.registry import Scope, rules_for

    rules_for(Scope.PROJECT)
