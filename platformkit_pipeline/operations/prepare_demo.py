"""The sample platform as targets: its databases, contracts and repository, settings that name them, and the variables that reach them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.operations import demo_repository
from platformkit_pipeline.operations.demo_contracts import CONTRACTS, FOLDER, make_demo_contracts
from platformkit_pipeline.operations.demo_repository import make_demo_repository
from platformkit_pipeline.operations.place_file import place_file
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import OWNER_ROLE, SAMPLE_PROJECTS, SampleProject, create_sample_platform

SETTINGS_FILE = "sample-platform.yaml"
_CONTRACTS = "CONTRACTS_URL"
_DEFAULTS = Declarations()
_NOT_A_WORD = re.compile(r"[^A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class DemoPlatform:
    """`environment` holds connection strings: hand it to child processes, never to a log or a file."""

    settings_path: Path
    environment: dict[str, str]


def demo_home(home: Path) -> Path:
    """The demo lives beside a platform of the user's own, never in it: its settings would retire the user's targets."""
    return home / "demo"


def prepare_demo(home: Path, server: EmbeddedPostgres) -> DemoPlatform:
    """Make what is missing of the sample platform on `server`, and write its settings below `home`.

    Repeating it changes nothing. Raises SandboxError.
    """
    dsns = create_sample_platform(server)
    make_demo_repository(home)
    make_demo_contracts(home)
    settings_path = home / SETTINGS_FILE
    place_file(_settings_text(), settings_path)
    reached = {_variable(name): dsn.reveal() for name, dsn in dsns.items()}
    # As on the platform: the owner of a project may act as its callers, the observer may not.
    contracts = {_variable(name, _CONTRACTS): with_user(dsns[name], OWNER_ROLE).reveal() for name in CONTRACTS}
    return DemoPlatform(settings_path, reached | contracts)


def _settings_text() -> str:
    header = "# The sample platform of `platformkit demo`. Written anew by every demo: copy it before you change it.\n"
    repository = {"name": demo_repository.NAME, "path": demo_repository.FOLDER, "owners": ["team:shop"]}
    return header + yaml.safe_dump({"projects": [_entry(p) for p in SAMPLE_PROJECTS], "repositories": [repository]}, sort_keys=False)


def _entry(project: SampleProject) -> dict[str, Any]:
    declared = project.declarations
    entry: dict[str, Any] = {
        "name": project.name,
        "environment": project.environment.value,
        "owners": [f"team:{project.name.split('-', maxsplit=1)[0]}"],
        "database": {"dsn_env": _variable(project.name)},
    }
    if project.name in CONTRACTS:
        entry["contracts"] = f"{FOLDER}/{project.name}"
        entry["contracts_dsn_env"] = _variable(project.name, _CONTRACTS)
    if declared.tenancy != _DEFAULTS.tenancy:
        entry["tenancy"] = {
            "column": declared.tenancy.column,
            "claim": declared.tenancy.claim,
            "membership_tables": list(declared.tenancy.membership_tables),
        }
    if declared.critical_tables:
        entry["critical_tables"] = list(declared.critical_tables)
    return entry


def _variable(name: str, ending: str = "DATABASE_URL") -> str:
    """`shop-production` → `SHOP_PRODUCTION_DATABASE_URL`."""
    return f"{_NOT_A_WORD.sub('_', name.upper())}_{ending}"
