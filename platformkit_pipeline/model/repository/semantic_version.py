"""Semantic versions (clause 8.1), by the grammar of Semantic Versioning 2.0.0, and what a set of changes calls for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import total_ordering

_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRE_PART = rf"(?:{_NUMBER}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMVER = re.compile(
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<pre>{_PRE_PART}(?:\.{_PRE_PART})*))?"
    r"(?:\+(?P<build>[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?\Z",
    re.ASCII,
)
_PYTHON_PRE = re.compile(
    rf"(?P<core>{_NUMBER}\.{_NUMBER}\.{_NUMBER})(?:(?P<phase>a|b|rc)(?P<number>{_NUMBER}))?(?:\.dev(?P<dev>{_NUMBER}))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:\.[a-z0-9]+)*))?\Z",
    re.ASCII,
)
_LONGEST = 256
"""Of a version: numbers are read into integers, whose conversion grows faster than their length."""


class BumpKind(IntEnum):
    """What a new version raises; compare with `<`."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


class ChangeKind(StrEnum):
    """The kinds of Keep a Changelog, one for what breaks callers, and one for entries that do not say."""

    ADDED = "added"
    CHANGED = "changed"
    DEPRECATED = "deprecated"
    REMOVED = "removed"
    FIXED = "fixed"
    SECURITY = "security"
    BREAKING = "breaking"
    OTHER = "other"


_CALLS_FOR = {
    ChangeKind.BREAKING: BumpKind.MAJOR,
    ChangeKind.REMOVED: BumpKind.MAJOR,
    ChangeKind.ADDED: BumpKind.MINOR,
    ChangeKind.CHANGED: BumpKind.MINOR,
    ChangeKind.DEPRECATED: BumpKind.MINOR,
}


@total_ordering
@dataclass(frozen=True, slots=True)
class SemanticVersion:
    """`pre` holds the identifiers behind the hyphen. Build metadata is no part of the order, so it is not kept."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> SemanticVersion | None:
        """None for what the standard's grammar does not allow: `1.2`, `v1.2.3` and `1.02.3` among them."""
        found = _SEMVER.match(text) if len(text) <= _LONGEST else None
        if found is None:
            return None
        pre = tuple(found["pre"].split(".")) if found["pre"] else ()
        return cls(int(found["major"]), int(found["minor"]), int(found["patch"]), pre)

    @property
    def core(self) -> SemanticVersion:
        """Without the pre-release."""
        return SemanticVersion(self.major, self.minor, self.patch)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{'.'.join(self.pre)}" if self.pre else "")

    def __lt__(self, other: SemanticVersion) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        """Precedence of the standard's section 11: numbers below words, and a release above its pre-releases."""
        parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, parts)


def read_version(text: str, *, python: bool = False) -> SemanticVersion | None:
    """A version as its ecosystem writes it. With `python`, `1.2.0rc1` and `1.2.0.dev3` are the pre-releases that they are by PEP 440.

    Epochs, post-releases and releases of other than three numbers have no semantic counterpart: None.
    """
    strict = SemanticVersion.parse(text)
    if strict is not None or not python or len(text) > _LONGEST:
        return strict
    found = _PYTHON_PRE.match(text)
    if found is None:
        return None
    parts = [part for part in (found["phase"], found["number"]) if part is not None]
    parts += ["dev", found["dev"]] if found["dev"] is not None else []
    core = SemanticVersion.parse(found["core"])
    return None if core is None else SemanticVersion(core.major, core.minor, core.patch, tuple(parts))


def bump_between(older: SemanticVersion, newer: SemanticVersion) -> BumpKind:
    """What `newer` raises; NONE when it is not above `older`, or differs in the pre-release alone."""
    if newer.core <= older.core:
        return BumpKind.NONE
    if newer.major != older.major:
        return BumpKind.MAJOR
    return BumpKind.MINOR if newer.minor != older.minor else BumpKind.PATCH


def bump_called_for(changes: Mapping[ChangeKind, int], since: SemanticVersion) -> BumpKind:
    """The least bump after `since` for so many changes of each kind. Before 1.0.0 what breaks callers raises MINOR."""
    called = max((_CALLS_FOR.get(kind, BumpKind.PATCH) for kind, count in changes.items() if count), default=BumpKind.NONE)
    return BumpKind.MINOR if called is BumpKind.MAJOR and since.major == 0 else called


def bumped(version: SemanticVersion, kind: BumpKind) -> SemanticVersion:
    """The next release of that kind; the version itself for NONE."""
    if kind is BumpKind.MAJOR:
        return SemanticVersion(version.major + 1, 0, 0)
    if kind is BumpKind.MINOR:
        return SemanticVersion(version.major, version.minor + 1, 0)
    return SemanticVersion(version.major, version.minor, version.patch + 1) if kind is BumpKind.PATCH else version


def next_version(latest: SemanticVersion, changes: Mapping[ChangeKind, int]) -> SemanticVersion:
    """The least version that may be released after `latest` with these changes; `latest` itself when there are none.

    After a pre-release it is that of the pre-release itself when this raises enough, as the standard has it.
    """
    return bumped(latest.core, bump_called_for(changes, latest))
