"""The settings that the well-kept repository has on GitHub, and how an example changes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from platformkit_pipeline.sandbox.github.state import (
    ACTIONS_APP,
    MOMENT,
    Actions,
    CheckRun,
    Commit,
    Protection,
    PullRequest,
    Repository,
    Reviews,
)

CONTEXTS = ("Lint", "Types", "Tests", "Secrets", "Dependencies", "SBOM", "Migrations", "Database", "Contracts", "Spec")
"""Names of the jobs in the workflows of the well-kept repository: all of them are required, and all report."""


def well_kept_github() -> Repository:
    """Settings of acme/shop that keep every rule."""
    runs = [CheckRun(context) for context in CONTEXTS]
    return Repository(
        "acme",
        "shop",
        protections={
            "main": Protection(
                checks=[(context, ACTIONS_APP) for context in CONTEXTS],
                strict=True,
                enforce_admins=True,
                reviews=Reviews(approvals=1, code_owners=True, dismiss_stale=True),
            )
        },
        security={"secret_scanning": "enabled", "secret_scanning_push_protection": "enabled", "dependabot_security_updates": "enabled"},
        vulnerability_alerts=True,
        analysed=True,
        commits=[Commit("Shop 1.2.0", check_runs=list(runs))],
        pulls=[PullRequest(1, head=Commit("Prepare 1.2.0", check_runs=list(runs)), state="closed", merged_at=MOMENT)],
        actions=Actions(sha_pinning_required=True),
    )


def lay_onto(repository: Repository, text: str) -> None:
    """Change the settings by YAML with the names of their fields; mappings are laid upon each other (null takes an entry away),
    the rest is replaced.

    Raises ValueError for a field that is none.
    """
    _lay(repository, yaml.safe_load(text) or {})


def _lay(record: Any, changes: Mapping[str, Any]) -> None:
    hints = get_type_hints(type(record))
    for name, value in changes.items():
        if name not in hints:
            raise ValueError(f"{type(record).__name__} has no field {name}")
        setattr(record, name, _laid(hints[name], getattr(record, name), value))


def _laid(hint: Any, current: Any, value: Any) -> Any:
    """`value` in the form that a field has, laid upon what it holds now."""
    choices = [argument for argument in get_args(hint) if argument is not type(None)]
    origin = get_origin(hint)
    if origin is dict:
        current = current or {}
        laid = dict(current) | {key: _laid(choices[1], current.get(key), item) for key, item in value.items() if item is not None}
        return {key: item for key, item in laid.items() if value.get(key, "") is not None}
    if origin is list:
        return [_laid(choices[0], None, item) for item in value]
    if origin is tuple:
        return tuple(value)
    if origin is not None and len(choices) == 1 and value is not None:
        return _laid(choices[0], current, value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        if current is None:
            required = {
                f.name for f in dataclasses.fields(hint) if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
            }
            hints = get_type_hints(hint)
            current = hint(**{name: _laid(hints[name], None, value[name]) for name in required})
        _lay(current, value)
        return current
    return value
