"""What a scan does while the server works: it loads the rules, and reads the texts of policies before all the rest is there.

Done bit by bit, whenever nothing has arrived yet. Nothing depends on it: what was not done beforehand is done when it is
needed, with the same result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from platformkit_pipeline.model.snapshot import CatalogKind, Policy


class HeadStart:
    """Little pieces of work in the order in which they are worth doing."""

    def __init__(self) -> None:
        self._pieces: deque[Callable[[], object]] = deque((_load_judge, _load_rules))

    def piece(self) -> bool:
        """Do the next piece; False when there is none for now."""
        if not self._pieces:
            return False
        self._pieces.popleft()()
        return True

    def seen(self, kind: CatalogKind, records: Sequence[Any]) -> None:
        """Records of one kind are complete."""
        if kind is CatalogKind.POLICIES:
            self._pieces.extend(partial(_read, text) for text in _texts(records))


def _texts(policies: Sequence[Policy]) -> dict[str, None]:
    return dict.fromkeys(text for policy in policies for text in (policy.using, policy.with_check) if text is not None)


def _load_judge() -> None:
    from platformkit_pipeline.operations import judge  # noqa: F401 - for its being loaded


def _load_rules() -> None:
    from platformkit_pipeline.rules.registry import all_rules

    all_rules()


def _read(text: str) -> None:
    from platformkit_pipeline.sqltext.expression_facts import facts_of
    from platformkit_pipeline.sqltext.parser import SqlSyntaxError

    with suppress(SqlSyntaxError):  # whoever needs the facts says so
        facts_of(text)
