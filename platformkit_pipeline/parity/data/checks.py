"""What a check of the catalogue is: a name, a severity, and a judgement of one relation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.snapshot import CatalogKind, Relation
from platformkit_pipeline.rules.database.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `message` says why it is no PASS; `evidence` holds JSON values of the catalogue, never of rows."""

    outcome: Outcome
    message: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


HELD = Verdict(Outcome.PASS)


def broken(message: str, **evidence: Any) -> Verdict:
    return Verdict(Outcome.FAIL, message, evidence)


def undecided(message: str, **evidence: Any) -> Verdict:
    return Verdict(Outcome.UNKNOWN, message, evidence)


@dataclass(frozen=True, slots=True)
class Check:
    """One declared check. `judge` is called with a relation that exists; `requires` is what it reads of the catalogue."""

    name: str
    severity: Severity
    judge: Callable[[Catalog, Relation], Verdict]
    requires: tuple[CatalogKind, ...] = (CatalogKind.RELATIONS, CatalogKind.COLUMNS)
    absence_is_failure: bool = False
    """A relation that does not exist breaks the check; the others cannot be decided then."""


def verdict_of(check: Check, catalog: Catalog, name: str) -> Verdict:
    """What `check` says about the relation that the contract calls `name`."""
    if why := catalog.unobserved_among(check.requires):
        return undecided(f"could not be observed: {why}")
    relation = catalog.relations.get(catalog.declared(name))
    if relation is not None:
        return check.judge(catalog, relation)
    missing = f"there is no {name} in this database"
    return broken(missing) if check.absence_is_failure else undecided(missing)


def listed(columns: tuple[str, ...]) -> str:
    """Columns as they stand in the name of a check: `(tenant_id,number)`."""
    return f"({','.join(columns)})"
