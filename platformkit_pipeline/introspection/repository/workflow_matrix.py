"""The combinations of a job's matrix, and the names under which it reports to a pull request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

MAX_COMBINATIONS = 256
"""What GitHub allows."""
_EXPRESSION = re.compile(r"\$\{\{\s*(?P<inside>.*?)\s*\}\}", re.DOTALL)
_MATRIX = re.compile(r"matrix\.([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)\Z")


@dataclass(frozen=True, slots=True)
class Matrix:
    """`combinations`: one empty one for a job without a matrix. `known`: False where some are made at run time."""

    combinations: tuple[Mapping[str, Any], ...] = ({},)
    known: bool = True
    extended: bool = False
    """`include` adds keys to combinations, of which it is not certain that names show them."""


def matrix_of(job: Mapping[str, Any]) -> Matrix:
    """The matrix of a job's strategy."""
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    if matrix is None:
        return Matrix()
    if not isinstance(matrix, dict):
        return Matrix(known=False)
    axes = {key: values for key, values in matrix.items() if key not in ("include", "exclude")}
    include, exclude = _listed(matrix.get("include")), _listed(matrix.get("exclude"))
    known = all(isinstance(values, list) for values in axes.values()) and include is not None and exclude is not None
    lists = [values for values in axes.values() if isinstance(values, list)]
    size = 1
    for values in lists:
        size *= max(len(values), 1)
    if not known or size > MAX_COMBINATIONS:
        return Matrix(known=False)
    made: list[dict[str, Any]] = [dict(zip(axes, values, strict=True)) for values in product(*lists)] if axes else []
    made = [c for c in made if not any(_agrees(c, e) for e in exclude or [])]
    originals = [dict(c) for c in made]
    extended = False
    for entry in include or []:
        fitting = [n for n, o in enumerate(originals) if all(o[k] == v for k, v in entry.items() if k in o)]
        if fitting:
            extended = extended or any(key not in axes for key in entry)
            for number in fitting:
                made[number].update(entry)
        else:
            made.append(dict(entry))
    return Matrix(tuple(made[:MAX_COMBINATIONS]) or ({},), True, extended)


def contexts_of(identifier: str, name: Any, matrix: Matrix) -> tuple[tuple[str, ...], bool]:
    """The names of a job's checks, and whether these are all and certain."""
    certain = matrix.known
    found: dict[str, None] = {}
    for combination in matrix.combinations:
        if isinstance(name, str) and name.strip():
            text, complete = filled(name, combination)
            certain = certain and complete
            if not complete:
                continue
        elif combination:
            text = f"{identifier} ({', '.join(_shown(value) for value in combination.values())})"
            certain = certain and not matrix.extended and all(not isinstance(v, dict | list) for v in combination.values())
        else:
            text = identifier
        if matrix.known or not isinstance(name, str) or "matrix" not in name:
            found[text] = None
    if not matrix.known and not name:
        found = {}
    return tuple(found), certain


def filled(text: str, combination: Mapping[str, Any]) -> tuple[str, bool]:
    """The text with the values of a combination, and whether no other expression is left."""
    complete = True

    def value(match: re.Match[str]) -> str:
        nonlocal complete
        reference = _MATRIX.match(match["inside"])
        current: Any = combination
        for part in reference[1].split(".") if reference else ():
            current = current.get(part) if isinstance(current, Mapping) else None
        if reference is None or current is None or isinstance(current, dict | list):
            complete = False
            return match[0]
        return _shown(current)

    return _EXPRESSION.sub(value, text), complete


def _listed(value: Any) -> Sequence[dict[str, Any]] | None:
    """The entries of `include` or `exclude`; None when they are made at run time."""
    if value is None:
        return []
    return value if isinstance(value, list) and all(isinstance(entry, dict) for entry in value) else None


def _agrees(combination: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return all(combination.get(key) == value for key, value in entry.items())


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
