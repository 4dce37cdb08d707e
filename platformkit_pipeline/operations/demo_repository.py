"""The repository of the sample platform: the well-kept one, with the faults of some rules' own examples."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from platformkit_pipeline.operations.place_file import place_file
from platformkit_pipeline.rules.registry import Rule, rules_about_repositories
from platformkit_pipeline.sandbox.sample_repository.builder import START, build_well_kept
from platformkit_pipeline.sandbox.sample_repository.examples import play

NAME = "acme/shop"
FOLDER = "sample-repository"
PLANTED = ("DOC001", "DGM001")
"""Rules whose violating examples are played, one after the other: they must not undo each other."""


def planted_rules() -> tuple[Rule, ...]:
    """The rules that the repository breaks, in the order in which it was made to."""
    by_code = {rule.code: rule for rule in rules_about_repositories()}
    return tuple(by_code[code] for code in PLANTED)


def make_demo_repository(home: Path) -> Path:
    """Make the repository below `home`, whole or not at all; one that is there is kept with whatever was committed to it.

    It is made anew when what it is made of has changed. Raises SandboxError without git.
    """
    folder, mark, ingredients = home / FOLDER, home / f"{FOLDER}.made-of", _ingredients()
    if folder.is_dir() and mark.is_file() and mark.read_text(encoding="ascii", errors="replace") == ingredients:
        return folder
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".repository-", dir=home) as place:
        builder = build_well_kept(Path(place) / "made")
        for rule in planted_rules():
            play(rule.violating, builder)
        mark.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(builder.folder, folder)  # noqa: PTH105 - the rename is the commit
    place_file(ingredients, mark)
    return folder


def _ingredients() -> str:
    digest = hashlib.sha256(START.isoformat().encode())
    with as_file(files("platformkit_pipeline.sandbox.sample_repository") / "well_kept") as source:
        for file in sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            digest.update(f"{file.relative_to(source).as_posix()}\0".encode() + file.read_bytes())
    for rule in planted_rules():
        digest.update(f"{rule.code}\0{rule.violating}".encode())
    return digest.hexdigest()
