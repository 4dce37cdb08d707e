"""What no linter checks about the repository as a whole; `make lint` runs it.

- Lock files hold names, versions and hashes only, no address of a package index.
- No tracked file names the host of a package registry: where packages come from is the machine's business.
- No locked package is under the GPL or AGPL alone; the LGPL of the database drivers is accepted (imported, not altered).

Prints one line per fault and ends with 1, else prints one line and ends with 0.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/runtime.txt", "requirements/dev.txt", "requirements/installer.txt")

_REGISTRIES = "pypi|pythonhosted|npmjs|npmmirror|yarnpkg|conda|anaconda|crates|rubygems|packagist|debian|ubuntu"
_REGISTRY_HOST = re.compile(rf"\b(?:[a-z0-9-]+\.)*(?:{_REGISTRIES})\.(?:org|com|io|net|cloud)\b", re.IGNORECASE)
_INDEX_OPTION = re.compile(r"^\s*(?:-i|-f|--(?:extra-)?index-url|--find-links|--trusted-host)\b|://")
# "LGPL" and "Lesser General Public" are other licences.
_COPYLEFT = re.compile(r"(?<!L)\bA?GPL|(?<!Lesser )General Public License", re.IGNORECASE)


def faults_of_lock(name: str, text: str) -> Iterator[str]:
    """Lines of a lock file that say where to fetch from, and requirements without a hash."""
    for number, line in enumerate(text.splitlines(), start=1):
        if _INDEX_OPTION.search(line):
            yield f"{name}:{number}: a lock file must not say where packages come from"
    for requirement, has_hash in _requirements(text):
        if not has_hash:
            yield f"{name}: {requirement.name} has no hash"


def _requirements(text: str) -> Iterator[tuple[Requirement, bool]]:
    for entry in text.replace("\\\n", " ").splitlines():
        declared, _, hashes = entry.partition(" --hash=")
        if declared.strip() and not declared.lstrip().startswith(("#", "-")):
            yield Requirement(declared.strip()), bool(hashes)


def tracked_files() -> tuple[str, ...]:
    """Paths that git tracks or would track, relative to the root."""
    # safe.directory: the checkout may belong to another account than the one that runs the check.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode:
        raise SystemExit(f"repository: cannot list the tracked files, a git checkout is needed: {listed.stderr.strip()}")
    return tuple(path for path in listed.stdout.split("\0") if path)


def faults_of_files(paths: Iterable[str]) -> Iterator[str]:
    """Registry hosts named in text files."""
    for path in paths:
        file = ROOT / path
        if not file.is_file():
            continue
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if _REGISTRY_HOST.search(line):
                yield f"{path}:{number}: names the host of a package registry"


def licence_of(package: str) -> str:
    """Everything a distribution's metadata says about its licence, one text per alternative source."""
    about = metadata.metadata(package)
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = [line for line in about.get_all("Classifier") or [] if line.startswith("License ::")]
    # Some packages put the whole text into the field; the first line names it.
    first_line = about["License"].strip().splitlines()[:1] if "License" in about else []
    return " OR ".join(classifiers or first_line)


def is_copyleft(licence: str) -> bool:
    """True when no alternative of an `A OR B` licence is free of the GPL."""
    return all(_COPYLEFT.search(alternative) for alternative in re.split(r"\bOR\b", licence))


def faults_of_licences(text: str) -> Iterator[str]:
    """Locked packages of this platform that are missing, silent about their licence, or under the GPL."""
    for requirement, _ in _requirements(text):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            licence = licence_of(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"{requirement.name} is locked but not installed"
            continue
        if licence and is_copyleft(licence):
            yield f"{requirement.name} is under {licence}"


def main() -> int:
    faults: list[str] = []
    for name in LOCKS:
        faults += faults_of_lock(name, (ROOT / name).read_text(encoding="utf-8"))
    faults += faults_of_licences((ROOT / "requirements/dev.txt").read_text(encoding="utf-8"))
    paths = tracked_files()
    faults += faults_of_files(paths)
    for fault in faults:
        print(fault)
    if not faults:
        print(f"repository: {len(paths)} files, {len(LOCKS)} locks: no registry address, no GPL package")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
