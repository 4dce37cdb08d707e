"""Suppression comments of any tool, and files that list what a tool is not to report."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import NamedTuple

from platformkit_pipeline.introspection.repository.comments import comments_in, has_comments
from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.model.repository.suppressions import Suppression

MAX_RECORDS = 20_000
_FEW_WORDS = 3

_TELLING = re.compile(
    rb"noqa|nosec|nosemgrep|nosonar|type: ?ignore|pyright: ?|mypy: ?|disable|@ts-|(?:prettier|squawk|ast-grep|biome|deno-lint|rome)-ignore|"
    rb"zizmor: ?|(?:kingfisher|trufflehog|tfsec|trivy|betterleaks|noseyparker):|gitleaks:|ggignore|allowlist|checkov:|hadolint|secretlint-",
    re.IGNORECASE,
)
"""One of these stands in every suppression: most files end here."""

_NEEDLES = tuple(
    part.encode() for part in ("noqa", "nosec", "nosem", "nosonar", "ignore", "disable", "allow", "@ts-", ":skip", "mypy:", "pyright:")
)
"""Parts of them, to be searched in lower case: a pattern that folds by itself is fifty times slower."""

_CODES = r"(?P<rules>[A-Za-z]{1,10}-?\d{1,5}(?:\s?,?\s?[A-Z]{1,10}-?\d{1,5})*)"
_NAMES = r"(?P<rules>[@\w][\w@/.-]*(?:\s*,\s*[@\w][\w@/.-]*)*)"
_TOOLS: tuple[tuple[str, str], ...] = (
    ("ruff", rf"(?:ruff|flake8)\s?:\s*(?:noqa|disable|ignore)\b(?:\s?[:=]\s*{_CODES}|\[(?P<list>[^\]]*)\])?"),
    ("noqa", rf"noqa\b(?:\s?:\s?{_CODES})?"),
    ("sqlfluff", rf"sqlfluff\s?:\s*(?:noqa|disable)\b(?:\s?[:=]\s*{_NAMES})?"),
    ("bandit", rf"nosec\b(?:\s?:?\s?{_CODES})?"),
    ("semgrep", rf"(?:semgrep:\s*)?nosemgrep\b(?:\s?:\s?{_NAMES})?"),
    ("sonar", r"NOSONAR\b"),
    ("mypy", r"type:\s?ignore\b(?:\[(?P<list>[^\]]*)\])?"),
    ("mypy", r"mypy:\s?(?:ignore-errors|disable-error-code\S*|allow-\S+|no-\S+)"),
    ("pyright", r"pyright:\s?(?:ignore\b(?:\[(?P<list>[^\]]*)\])?|basic\b)"),
    ("pylint", rf"pylint:\s?(?:disable(?:-next)?\s?=\s?{_NAMES}|skip-file\b)"),
    ("eslint", rf"(?:eslint|oxlint)-disable(?:-next-line|-line)?\b(?:[ \t]+(?!--){_NAMES})?"),
    ("typescript", r"@ts-(?:ignore|expect-error|nocheck)\b"),
    ("deno", rf"deno-lint-ignore(?:-file)?\b(?:[ \t]+(?!--){_NAMES})?"),
    ("biome", r"(?:biome|rome)-ignore(?:-all|-start)?\b(?:\s+(?P<rules>[\w/]+))?"),
    ("stylelint", rf"stylelint-disable(?:-next-line|-line)?\b(?:[ \t]+(?!--){_NAMES})?"),
    ("tslint", rf"tslint:disable(?:-next-line|-line)?\b(?::\s?{_NAMES})?"),
    ("prettier", r"prettier-ignore(?:-start)?\b"),
    ("squawk", rf"squawk-ignore(?:-file)?\b(?:[ \t]+{_NAMES})?"),
    ("zizmor", r"zizmor:\s?ignore(?:\[(?P<list>[^\]]*)\])?"),
    ("ast-grep", rf"ast-grep-ignore\b(?:\s?:\s?{_NAMES})?"),
    ("kingfisher", r"(?:kingfisher|noseyparker):\s?(?:ignore|allow)\b"),
    ("gitleaks", r"(?:gitleaks|betterleaks):\s?allow\b"),
    ("trufflehog", r"trufflehog:\s?ignore\b"),
    ("ggshield", r"ggignore\b"),
    ("secretlint", r"secretlint-disable(?:-next-line|-line)?\b"),
    ("detect-secrets", r"pragma:\s?allowlist(?:\s+nextline)?\s+secret\b"),
    ("checkov", r"checkov:skip=(?P<rules>\w+)"),
    ("tfsec", r"tfsec:ignore:(?P<rules>[\w-]+)"),
    ("trivy", r"trivy:ignore:(?P<rules>[\w-]+)"),
    ("shellcheck", rf"shellcheck\s+disable={_NAMES}"),
    ("hadolint", rf"hadolint\s+(?:global\s+)?ignore={_NAMES}"),
    ("yamllint", r"yamllint\s+disable(?:-line|-file)?\b"),
    ("markdownlint", r"markdownlint-disable(?:-next-line|-line|-file)?\b(?:[ \t]+(?P<rules>MD\d+(?:\s+MD\d+)*))?"),
)
_PATTERNS = tuple((tool, re.compile(pattern, re.IGNORECASE)) for tool, pattern in _TOOLS)
_MARKS = re.compile(r"(?:\A|(?<=\s))(?:#+|//+|/\*+|--|<!--|\{/\*)\s*|(?<=\n)\s*\*\s*")
"""Where a directive may begin: at the comment's mark, or at another one in it."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_SPLIT = re.compile(r"[\s,]+")

_OF_OTHERS = frozenset({"node_modules", "vendor", "third_party", ".yarn", "site-packages"})
_LISTS = {
    **{".gitleaksignore": "gitleaks", ".trivyignore": "trivy", ".semgrepignore": "semgrep", ".kingfisherignore": "kingfisher"},
    **{".trufflehogignore": "trufflehog", ".secretlintignore": "secretlint", ".snyk": "snyk", ".eslintignore": "eslint"},
    **{".secrets.baseline": "detect-secrets", ".betterleaksignore": "betterleaks", ".tfsecignore": "tfsec", ".bandit": "bandit"},
}


class _Directive(NamedTuple):
    tool: str
    line: int
    rules: tuple[str, ...]
    explained: bool


def observe_suppressions(files: Files) -> tuple[tuple[Suppression, ...], bool]:
    """Suppressions by path, tool and line; and whether there are more than are told."""
    found: list[Suppression] = []
    for entry in files.entries:
        listing = PurePosixPath(entry.path).name in _LISTS
        if not entry.is_regular or not (listing or has_comments(entry.path)) or _is_of_others(entry.path):
            continue
        try:
            data = files.data(entry.path)
        except UnreadableError:
            continue
        if not listing and not _may_suppress(data):
            continue
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        found += islice(_numbered(entry.path, _listed(entry.path, text) if listing else _directives(entry.path, text)), MAX_RECORDS + 1)
        if len(found) > MAX_RECORDS:
            return tuple(sorted(found[:MAX_RECORDS])), True
    return tuple(sorted(found)), False


def _is_of_others(path: str) -> bool:
    """Code of others that was copied in: what its authors switched off is not ours to explain."""
    return not _OF_OTHERS.isdisjoint(path.split("/")[:-1]) or path.endswith((".min.js", ".min.css"))


def _may_suppress(data: bytes) -> bool:
    folded = data.lower()
    for needle in _NEEDLES:  # no `any`: its generator would cost as much as the searches
        if needle in folded:
            return _TELLING.search(folded) is not None
    return False


def _numbered(path: str, directives: Iterator[_Directive]) -> Iterator[Suppression]:
    count: dict[str, int] = {}
    for directive in directives:
        count[directive.tool] = count.get(directive.tool, 0) + 1
        yield Suppression(path, directive.tool, count[directive.tool], directive.line, directive.rules, directive.explained)


def _directives(path: str, text: str) -> Iterator[_Directive]:
    starts = [match.start() for match in re.finditer("\n", text)]
    for comment in comments_in(path, text):
        if len(comment.text) > 4 and _TELLING.search(comment.text.encode("utf-8", "replace")):
            for place, tool, rules, rest in _in_comment(comment.text):
                yield _Directive(tool, bisect(starts, comment.start + place) + 1, rules, len(_WORD.findall(rest)) >= _FEW_WORDS)


def _in_comment(text: str) -> Iterator[tuple[int, str, tuple[str, ...], str]]:
    """Place, tool, rules and what else the line of the comment says."""
    for mark in _MARKS.finditer(text):
        for tool, pattern in _PATTERNS:
            match = pattern.match(text, mark.end())
            if match:
                named = match.groupdict()
                rules = tuple(part for part in _SPLIT.split(named.get("rules") or named.get("list") or "") if part)
                begin, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
                others = text[begin : mark.start()] + " " + text[match.end() : end if end >= 0 else len(text)]
                yield match.start(), tool, rules, _without_directives(others)
                break


def _without_directives(text: str) -> str:
    """A second suppression beside a first one is no reason for it."""
    for _, pattern in _PATTERNS:
        text = pattern.sub(" ", text)
    return text


def _listed(path: str, text: str) -> Iterator[_Directive]:
    """Entries of a file that lists what is not to be reported; a comment above or beside an entry explains it."""
    tool, explained = _LISTS[PurePosixPath(path).name], False
    for number, line in enumerate(text.splitlines(), start=1):
        entry, _, remark = line.partition("#")
        says_why = len(_WORD.findall(remark)) >= _FEW_WORDS
        if entry.strip():
            yield _Directive(tool, number, (), explained or says_why)
        explained = (says_why or explained) if line.strip() else False
