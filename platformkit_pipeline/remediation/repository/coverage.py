"""Tests that fail below the least coverage (clause 4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from platformkit_pipeline.introspection.repository.files import UnreadableError
from platformkit_pipeline.introspection.repository.structured_files import part, read_toml
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.text_files import editable
from platformkit_pipeline.rules.repository_check_categories import LEAST_COVERAGE

_OPTION = re.compile(r"(?P<before>--cov-fail-under(?:=|[ \t]+))(?P<figure>\d{1,3}(?:\.\d+)?)")
_SETTING = re.compile(r"(?P<before>^[ \t]*fail_under[ \t]*[=:][ \t]*)(?P<figure>\d{1,3}(?:\.\d+)?)", re.MULTILINE)
_REPORT = re.compile(r"^\[tool\.coverage\.report\][^\n]*\n", re.MULTILINE)
_PROJECT = "pyproject.toml"
_SETTINGS = (".coveragerc", "setup.cfg", "tox.ini", _PROJECT)
"""Where coverage.py looks, the first one first."""
_NOTE = f"Tests fail below {LEAST_COVERAGE:g} % from now on: look at the figure before you merge."


def demand_coverage(context: RepositoryContext, _: Result) -> Edit | ByHand:
    """The bound that is there, raised; else one for coverage.py in pyproject.toml."""
    for path, pattern in _bounded(context):
        document = editable(context.files, path)
        raised = pattern.sub(lambda m: m[0] if float(m["figure"]) >= LEAST_COVERAGE else f"{m['before']}{LEAST_COVERAGE:g}", document.text)
        return Edit(f"Demand {LEAST_COVERAGE:g} % coverage in {path}", {path: document.encoded(raised)}, (_NOTE,))
    elsewhere = [path for path in _SETTINGS[:-1] if path in context.files and "coverage" in context.files.text(path)]
    if _PROJECT not in context.files or elsewhere:
        where = elsewhere[0] if elsewhere else "the settings of the test runner"
        steps = (
            f"Set the bound to {LEAST_COVERAGE:g} in {where}: `fail_under` of coverage.py, `--cov-fail-under` of pytest, "
            "`coverageThreshold` of jest, `thresholds` of vitest.",
            "Let the tests measure their coverage in the job that every pull request runs.",
        )
        return ByHand("where the tests read their settings cannot be told for certain", steps)
    document = editable(context.files, _PROJECT)
    line = f"fail_under = {LEAST_COVERAGE:g}\n"
    header = _REPORT.search(document.text)
    if header:
        text = document.text[: header.end()] + line + document.text[header.end() :]
    elif part(read_toml(context.files, _PROJECT), "tool", "coverage", "report") is not None:
        return ByHand(f"the section of {_PROJECT} is written in a form that is not edited", (f"Add `{line.strip()}` to it.",))
    else:
        text = f"{document.text.rstrip()}\n\n[tool.coverage.report]\n{line}"
    return Edit(f"Demand {LEAST_COVERAGE:g} % coverage in {_PROJECT}", {_PROJECT: document.encoded(text)}, (_NOTE,))


def _bounded(context: RepositoryContext) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Files with a bound, in the order in which one overrules the other: what a command says counts before settings."""
    commands = [workflow.path for workflow in context.snapshot.workflows]
    for paths, pattern in (((*commands, "pytest.ini", *_SETTINGS), _OPTION), (_SETTINGS, _SETTING)):
        for path in paths:
            try:
                if path in context.files and pattern.search(context.files.text(path)):
                    yield path, pattern
            except UnreadableError:
                continue
