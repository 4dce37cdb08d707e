"""How long the settings of a fleet take to read, as one file, as one JSON file and as a file per project.

    python -m benchmarks.read_settings [--projects 5000] [--rounds 3]

Prints the best of the rounds for each form. Design: 5,000 targets in under a second. Not a test: nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from platformkit_pipeline.operations.read_settings import read_settings


def project(number: int) -> dict[str, object]:
    return {
        "name": f"shop-{number}",
        "environment": "production",
        "owners": ["team:shop"],
        "database": {"dsn_env": f"SHOP_{number}_DATABASE_URL"},
        "exposed_schemas": ["public"],
        "tenancy": {"column": "tenant_id", "claim": "tenant_id"},
        "critical_tables": ["public.invoices"],
    }


def yaml_of(entries: list[dict[str, object]]) -> str:
    """Block style, as people write it."""
    lines = ["projects:"]
    for entry in entries:
        pairs = [f"{key}: {json.dumps(value)}" for key, value in entry.items()]
        lines += [f"  - {pairs[0]}", *(f"    {pair}" for pair in pairs[1:])]
    return "\n".join(lines) + "\n"


def forms_in(folder: Path, count: int) -> dict[str, Path]:
    entries = [project(number) for number in range(count)]
    (folder / "one.yaml").write_text(yaml_of(entries), encoding="utf-8")
    (folder / "targets.json").write_text(json.dumps({"projects": entries}, indent=1), encoding="utf-8")
    (folder / "json.yaml").write_text("include: [targets.json]\n", encoding="utf-8")
    (folder / "fleet").mkdir()
    for number, entry in enumerate(entries):
        (folder / "fleet" / f"{number}.yaml").write_text(yaml_of([entry]), encoding="utf-8")
    (folder / "many.yaml").write_text("include: ['fleet/*.yaml']\n", encoding="utf-8")
    return {"one YAML file": folder / "one.yaml", "one JSON file": folder / "json.yaml", "a file per project": folder / "many.yaml"}


def seconds_to_read(path: Path, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        read_settings(path)
        best = min(best, time.perf_counter() - started)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for form, path in forms_in(Path(folder), options.projects).items():
            print(f"{options.projects} projects, {form}: {seconds_to_read(path, options.rounds):.2f} s")


if __name__ == "__main__":
    main()
