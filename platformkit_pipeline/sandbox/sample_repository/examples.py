"""Examples of rules about repositories: what to change in the well-kept one.

An example is lines of text. A line that begins with `=== ` says what to do, the lines below it are the content:

    === file PATH          write a file (the content ends with one line feed)
    === replace PATH       put one text of a file in the place of another; a line `=>` stands between the two
    === picture PATH       write a PNG that carries the content as its draw.io source; without content, none
    === remove PATH        remove a file or folder
    === commit MESSAGE     commit what was changed so far
    === tag NAME           tag the latest commit
    === github             settings on GitHub, as YAML that is laid onto those of the well-kept repository
    === base               what follows is a change, to be compared with the commit before it
    === today 2026-12-31   the day for which is judged
    === recorded PATH ...  the control plane was asked, and holds these exceptions (which may be none)

What was not committed at the end is committed then. `{{secret KIND}}` stands for a made-up secret of that kind, so that no
file of this repository holds anything that looks like one; `{{secret KIND WORD}}` for another one of that kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder
from platformkit_pipeline.sandbox.sample_repository.pictures import picture_of
from platformkit_pipeline.sandbox.sample_repository.secrets import made_up_secret

_MARK = "=== "
_SECRET = re.compile(r"\{\{secret (?P<kind>[a-z_]+)(?: (?P<another>[a-z]+))?\}\}")
TODAY = date(2026, 2, 1)
"""The day for which examples are judged, unless they say otherwise."""


@dataclass(frozen=True, slots=True)
class Step:
    """One `===` line with what follows it. `content` ends with a line feed, unless it is empty."""

    verb: str
    argument: str
    content: str


@dataclass(slots=True)
class Played:
    """What came of an example: the commit to judge is HEAD; `base` the one that a change is compared with."""

    base: str | None = None
    today: date = TODAY
    github: list[str] = field(default_factory=list)
    recorded_exceptions: tuple[str, ...] | None = None


def steps_of(example: str) -> Iterator[Step]:
    """The steps of an example. Raises ValueError for text before the first one and for a verb that is none."""
    verb, argument, lines = "", "", list[str]()
    for line in [*example.strip("\n").split("\n"), f"{_MARK}end"]:
        if not line.startswith(_MARK):
            lines.append(line)
            continue
        if verb:
            if verb not in _VERBS:
                raise ValueError(f"an example does not know {verb!r}")
            yield Step(verb, argument, "\n".join(lines).rstrip("\n") + "\n" if any(lines) else "")
        elif any(part.strip() for part in lines):
            raise ValueError("an example begins with a line such as `=== file PATH`")
        verb, _, argument = line.removeprefix(_MARK).partition(" ")
        lines = []


def play(example: str, builder: RepositoryBuilder) -> Played:
    """Carry out an example on a repository."""
    played = Played()
    for step in steps_of(example):
        _VERBS[step.verb](step, builder, played)
    if builder.has_changes():
        builder.commit("Change something")
    return played


def _file(step: Step, builder: RepositoryBuilder, _: Played) -> None:
    builder.write(step.argument, _with_secrets(step.content))


def _with_secrets(text: str) -> str:
    return _SECRET.sub(lambda match: made_up_secret(match["kind"], match["another"] or ""), text)


def _replace(step: Step, builder: RepositoryBuilder, _: Played) -> None:
    old, arrow, new = step.content.partition("\n=>\n")
    file = builder.folder / step.argument
    content = file.read_text(encoding="utf-8")
    if not arrow or content.count(old) != 1:
        raise ValueError(f"{step.argument} holds {old!r} {content.count(old)} times, and an example replaces a text that stands there once")
    builder.write(step.argument, content.replace(old, new.rstrip("\n")))


def _picture(step: Step, builder: RepositoryBuilder, _: Played) -> None:
    builder.write(step.argument, picture_of(step.content.strip()))


def _remove(step: Step, builder: RepositoryBuilder, _: Played) -> None:
    builder.remove(step.argument)


def _commit(step: Step, builder: RepositoryBuilder, _: Played) -> None:
    builder.commit(step.argument)


def _tag(step: Step, builder: RepositoryBuilder, _: Played) -> None:
    builder.tag(step.argument)


def _base(_: Step, builder: RepositoryBuilder, played: Played) -> None:
    played.base = builder.commit("Before the change") if builder.has_changes() else builder.head()


def _today(step: Step, _: RepositoryBuilder, played: Played) -> None:
    played.today = date.fromisoformat(step.argument)


def _github(step: Step, _: RepositoryBuilder, played: Played) -> None:
    played.github.append(_with_secrets(step.content))


def _recorded(step: Step, _: RepositoryBuilder, played: Played) -> None:
    played.recorded_exceptions = tuple(step.argument.split())


_VERBS: Mapping[str, Callable[[Step, RepositoryBuilder, Played], None]] = {
    "file": _file,
    "replace": _replace,
    "picture": _picture,
    "remove": _remove,
    "commit": _commit,
    "tag": _tag,
    "base": _base,
    "today": _today,
    "github": _github,
    "recorded": _recorded,
}
