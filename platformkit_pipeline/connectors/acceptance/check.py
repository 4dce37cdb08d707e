"""What a check of the acceptance suite is: a name that stays, the clause and the demand, what it rests on, and a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
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


def check(
    name: str, clause: str, demand: str, *, needs: Capability | None = None, after: tuple[str, ...] = ()
) -> Callable[[Callable[[Trial], None]], Check]:
    """Makes a check of a function."""
    return lambda function: Check(name, clause, demand, needs, after, function)


def checks_of(*modules: ModuleType) -> tuple[Check, ...]:
    """The checks of modules in the order in which they are written there. Raises ValueError unless each rests on earlier ones only."""
    found: dict[str, Check] = {}
    for candidate in (value for module in modules for value in vars(module).values() if isinstance(value, Check)):
        unknown = [name for name in candidate.after if name not in found]
        if candidate.name in found or unknown:
            raise ValueError(f"the check {candidate.name} stands there twice, or rests on {unknown}, which do not stand before it")
        found[candidate.name] = candidate
    return tuple(found.values())
