"""Documents that are forms: values by label, whether they stand in front matter, below headings, after bold labels or in a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from platformkit_pipeline.introspection.repository.markdown import FRONT_MATTER, Section, sections_of
from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.introspection.repository.template_text import is_written, without_comments

_LONGEST_LINE = 4000
_LABEL = re.compile(
    r"[ \t]{0,8}(?:[-*+][ \t]+)?"
    r"(?:\*\*(?P<bold>[^*\n]{1,80}?):?\*\*[ \t]*:?|"
    r"__(?P<under>[^_\n]{1,80}?):?__[ \t]*:?|(?P<plain>[A-Za-z][A-Za-z /&()-]{0,50}):(?=[ \t]|$))"
    r"(?P<value>.*)"
)
_ROW = re.compile(r"[ \t]{0,3}\|(?P<label>[^|\n]{1,120})\|(?P<value>.*)")
_SIGNS = re.compile(r"[^\w/]+|_+")
_DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_NUMBERING = re.compile(r"(?:\d+ )+")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A document's title, and what stands under each label, in the order of the document. Labels may come twice."""

    title: str
    values: tuple[tuple[str, str], ...]

    def get(self, *labels: str) -> str | None:
        """The first value that is filled in, else an empty one where the label is there, else None."""
        found = [value for label, value in self.values if label in labels]
        return next((value for value in found if is_written(value)), "" if found else None)


def labelled(text: str) -> Labelled:
    """Read a form. Comments count for nothing."""
    sections = sections_of(without_comments(text))
    values: list[tuple[str, str]] = []
    titled = next((index for index, section in enumerate(sections) if section.level == 1), None)
    for index, section in enumerate(sections):
        if section.heading == FRONT_MATTER:
            values += _front_matter(section)
            continue
        if section.level:
            values.append((label_of(section.heading), _below(sections, index, alone=index == titled)))
        values += _labels(section.body)
        values += _blocks(section.body)
    return Labelled("" if titled is None else sections[titled].heading, tuple(values))


def label_of(text: str) -> str:
    """How a label is compared: without numbers before it, signs and case."""
    plain = _SIGNS.sub(" ", text.casefold()).strip()
    return _NUMBERING.sub("", plain, count=1)


def dates_in(text: str) -> list[str]:
    """Days of the calendar in a text, in order."""
    return [found for found in _DATE.findall(text) if is_day(found)]


def is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _below(sections: list[Section], index: int, *, alone: bool) -> str:
    """What stands below a heading, and (unless `alone`, for below the title stands the whole document) below deeper ones."""
    lines = list(sections[index].body)
    for number in range(index + 1, len(sections) if not alone else 0):
        later = sections[number]
        if later.level <= sections[index].level:
            break
        lines += later.lines
    return "\n".join(lines)


def _labels(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Values after labels; what follows on the next lines, indented or not, belongs to one up to a blank line or the next label."""
    label: str | None = None
    value: list[str] = []
    for line in (each[:_LONGEST_LINE] for each in lines):
        match = _LABEL.match(line) or _ROW.match(line)
        ends = match is not None or (not line.strip() and any(part.strip() for part in value))
        if ends and label is not None:
            yield label, "\n".join(value)
            label = None
        if match:
            groups = match.groupdict()
            label = label_of(groups.get("bold") or groups.get("under") or groups.get("plain") or groups.get("label") or "")
            value = [match["value"].replace("|", " ")]
        elif label is not None:
            value.append(line)
    if label is not None:
        yield label, "\n".join(value)


def _blocks(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Values that begin on the line after a bold label and go on to the next one, lists with labels of their own among them."""
    label: str | None = None
    value: list[str] = []
    for line in lines:
        match = _LABEL.match(line[:_LONGEST_LINE])
        if match and (match["bold"] or match["under"]) and not line.lstrip().startswith(("- ", "* ", "+ ")):
            if label is not None:
                yield label, "\n".join(value)
            label = None if match["value"].strip() else label_of(match["bold"] or match["under"])
            value = []
        else:
            value.append(line)
    if label is not None:
        yield label, "\n".join(value)


def _front_matter(section: Section) -> Iterator[tuple[str, str]]:
    try:
        loaded = load_yaml("\n".join(section.lines[1:-1]))
    except (YamlRefused, yaml.YAMLError):
        yield from _labels(section.lines[1:-1])
        return
    if isinstance(loaded, dict):
        for key, value in loaded.items():
            yield label_of(str(key)), "\n".join(_flat(value))


def _flat(value: Any) -> Iterator[str]:
    """One line for each entry of a list or mapping."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{str(key).replace('_', ' ')}: {' '.join(_flat(inner))}"
    elif isinstance(value, list):
        for inner in value:
            yield ", ".join(part.partition(": ")[2] or part for part in _flat(inner)) if isinstance(inner, dict) else " ".join(_flat(inner))
    elif value is not None:
        yield str(value)
