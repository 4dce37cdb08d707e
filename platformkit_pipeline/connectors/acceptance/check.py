"""What a check of the acceptance suite is: a name that stays, the clause and the demand, what it rests on, and a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from platformkit_pipeline.model.connector import Capability

if TYPE_CHECKING:
    from platformkit_pipeline.connectors.acceptance.trial import Trial


class Fails(Exception):
    """The connector does not keep what is demanded; the message says what was seen."""


class CannotTell(Exception):
    """The check could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """`function` returns when it saw that the demand is kept, and raises Fails or CannotTell otherwise."""

    name: str
    clause: str
    demand: str
    needs: Capability | None
    """The capability that has to be declared; without it the check does not apply."""
    after: tuple[str, ...]
    """Checks that have to pass before this one says anything."""
    function: Callable[[Trial], None]


_CHECKS: dict[str, Check] = {}


def check(
    name: str, clause: str, demand: str, *, needs: Capability | None = None, after: tuple[str, ...] = ()
) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
    """Registers a function as a check. What it rests on stands before it."""

    def register(function: Callable[[Trial], None]) -> Callable[[Trial], None]:
        unknown = [other for other in after if other not in _CHECKS]
        if name in _CHECKS or unknown:
            raise ValueError(f"check {name} stands there twice, or rests on {unknown}, which are not there")
        _CHECKS[name] = Check(name, clause, demand, needs, after, function)
        return function

    return register


def registered_checks() -> tuple[Check, ...]:
    """In the order in which they were written."""
    return tuple(_CHECKS.values())
