"""Suppressions of many tools are found in comments, and only there."""

from __future__ import annotations

import pytest

from platformkit_pipeline.introspection.repository import suppressions
from platformkit_pipeline.introspection.repository.comments import comments_in
from platformkit_pipeline.introspection.repository.git import open_repository
from platformkit_pipeline.introspection.repository.suppressions import observe_suppressions
from platformkit_pipeline.model.repository.suppressions import Suppression
from platformkit_pipeline.sandbox.sample_repository.builder import RepositoryBuilder

COMMENTS = [
    ("a.py", "x = 1  # noqa", "noqa", ()),
    ("a.py", "x = 1  # noqa: S105, E501", "noqa", ("S105", "E501")),
    ("a.py", "x = 1  #noqa:S105", "noqa", ("S105",)),
    ("a.py", "# ruff: noqa: F401", "ruff", ("F401",)),
    ("a.py", "# flake8: noqa", "ruff", ()),
    ("a.py", "x = 1  # nosec B105", "bandit", ("B105",)),
    ("a.py", "x = 1  # nosemgrep: python.sql.injection", "semgrep", ("python.sql.injection",)),
    ("a.py", "x = 1  # type: ignore[arg-type, misc]", "mypy", ("arg-type", "misc")),
    ("a.py", "# mypy: ignore-errors", "mypy", ()),
    ("a.py", "x = 1  # pyright: ignore[reportGeneral]", "pyright", ("reportGeneral",)),
    ("a.py", "# pylint: disable=no-member,unused-import", "pylint", ("no-member", "unused-import")),
    ("a.py", "KEY = 1  # pragma: allowlist secret", "detect-secrets", ()),
    (
        "a.ts",
        "// eslint-disable-next-line @typescript-eslint/no-explicit-any, no-eval",
        "eslint",
        ("@typescript-eslint/no-explicit-any", "no-eval"),
    ),
    ("a.ts", "/* eslint-disable */", "eslint", ()),
    ("a.tsx", "{/* eslint-disable no-eval */}", "eslint", ("no-eval",)),
    ("a.ts", "// @ts-ignore", "typescript", ()),
    ("a.ts", "// @ts-expect-error", "typescript", ()),
    ("a.ts", "// @ts-nocheck", "typescript", ()),
    ("a.ts", "// prettier-ignore", "prettier", ()),
    ("a.ts", "// biome-ignore lint/suspicious/noExplicitAny: <explanation>", "biome", ("lint/suspicious/noExplicitAny",)),
    ("a.ts", "// deno-lint-ignore no-explicit-any", "deno", ("no-explicit-any",)),
    ("a.ts", "// ast-grep-ignore: no-console", "ast-grep", ("no-console",)),
    ("a.sql", "-- squawk-ignore ban-drop-table", "squawk", ("ban-drop-table",)),
    ("a.sql", "select 1; -- noqa: L001", "noqa", ("L001",)),
    (".github/workflows/a.yml", "      - uses: a/b@v1 # zizmor: ignore[unpinned-uses]", "zizmor", ("unpinned-uses",)),
    ("a.yml", "# yamllint disable", "yamllint", ()),
    ("a.sh", "# shellcheck disable=SC2086,SC2046", "shellcheck", ("SC2086", "SC2046")),
    ("a.sh", "KEY=x # kingfisher:ignore", "kingfisher", ()),
    ("a.sh", "KEY=x # gitleaks:allow", "gitleaks", ()),
    ("a.sh", "KEY=x # trufflehog:ignore", "trufflehog", ()),
    ("Dockerfile", "# hadolint ignore=DL3008", "hadolint", ("DL3008",)),
    ("main.tf", "#checkov:skip=CKV_AWS_20", "checkov", ("CKV_AWS_20",)),
    ("main.tf", "#tfsec:ignore:aws-s3-no-public", "tfsec", ("aws-s3-no-public",)),
    ("a.md", "<!-- markdownlint-disable MD013 MD033 -->", "markdownlint", ("MD013", "MD033")),
    ("a.html", "<!-- prettier-ignore -->", "prettier", ()),
]


def observe(builder: RepositoryBuilder) -> tuple[Suppression, ...]:
    builder.commit("suppress")
    with open_repository(builder.folder) as repository:
        return observe_suppressions(repository.files(repository.head().commit))[0]


def test_each_tool_is_known_by_its_comment(builder: RepositoryBuilder) -> None:
    for number, (path, text, _, _) in enumerate(COMMENTS):
        builder.write(f"{number:02}/{path}", f"\n{text}\n")
    seen = {s.path: (s.tool, s.rules, s.line, s.explained) for s in observe(builder)}
    expected = {f"{number:02}/{path}": (tool, rules, 2, False) for number, (path, _, tool, rules) in enumerate(COMMENTS)}
    assert seen == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", 'MARK = "# noqa: S105"'),
        ("a.py", '"""Write\n# noqa\nbeside it."""'),
        ("a.py", "# a `# noqa` comment silences it, and so does `# type: ignore`"),
        ("a.py", "# the noqa comments are counted elsewhere"),
        ("a.ts", 'const mark = "// eslint-disable";'),
        ("a.ts", "const mark = `\n// @ts-ignore\n`;"),
        ("a.sql", "select '-- squawk-ignore ban-drop-table';"),
        ("a.yml", 'run: "echo # zizmor: ignore[x]"'),
        ("a.md", "Write `# noqa` beside it, or\n\n```py\nx = 1  # noqa\n```\n\n    // eslint-disable\n"),
        ("a.md", "```html\n<!-- prettier-ignore -->\n```\n"),
        ("a.txt", "# noqa"),
        ("a.py", "x = 1  # pragma: no cover"),
        ("node_modules/a/index.js", "/* eslint-disable */"),
        ("web/jquery.min.js", "/* eslint-disable */"),
    ],
)
def test_what_only_mentions_a_suppression_is_none(builder: RepositoryBuilder, path: str, text: str) -> None:
    builder.write(path, text + "\n")
    assert observe(builder) == ()


@pytest.mark.parametrize(
    ("path", "text", "explained"),
    [
        ("a.py", "x = 1  # noqa: S105 - a name, no secret", True),
        ("a.py", "x = 1  # a name and no secret  # noqa: S105", True),
        ("a.py", "x = 1  # noqa: S105 - fine", False),
        ("a.py", "x = 1  # noqa: S105  # type: ignore[arg-type]", False),
        ("a.py", "# Orders of a customer, by day.\nx = 1  # noqa: S105", False),
        ("a.ts", "// eslint-disable-next-line no-eval -- the expression comes from our own build", True),
        ("a.ts", "// @ts-expect-error the library has wrong types for it", True),
        ("a.sh", "# shellcheck disable=SC2086 # words are to be split here", True),
    ],
)
def test_a_few_words_beside_it_explain_a_suppression(builder: RepositoryBuilder, path: str, text: str, *, explained: bool) -> None:
    builder.write(path, text + "\n")
    assert {s.explained for s in observe(builder)} == {explained}


def test_two_on_one_line_are_two_and_ordinals_count_by_tool(builder: RepositoryBuilder) -> None:
    builder.write("a.py", "x = 1  # noqa: S105  # type: ignore[misc]\ny = 2  # noqa\n")
    seen = [(s.tool, s.ordinal, s.line, s.rules) for s in observe(builder)]
    assert seen == [("mypy", 1, 1, ("misc",)), ("noqa", 1, 1, ("S105",)), ("noqa", 2, 2, ())]


def test_files_that_list_what_is_not_reported_count_by_entry(builder: RepositoryBuilder) -> None:
    builder.write(".gitleaksignore", "# a token of the sandbox that was revoked\nabc:deploy.sh:1\n\ndef:deploy.sh:2\n")
    seen = [(s.tool, s.line, s.explained) for s in observe(builder)]
    assert seen == [("gitleaks", 2, True), ("gitleaks", 4, False)]


def test_more_than_the_limit_is_told(builder: RepositoryBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressions, "MAX_RECORDS", 3)
    builder.write("a.py", "x = 1  # noqa\n" * 5)
    builder.commit("many")
    with open_repository(builder.folder) as repository:
        found, more = observe_suppressions(repository.files(repository.head().commit))
    assert (len(found), more) == (3, True)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("a.sql", "/* noqa "),
        ("a.ts", "/* eslint-disable `"),
        ("a.html", "<!-- prettier-ignore "),
        ("a.md", "```\nnoqa\n~~~\n"),
        ("a.ts", "\\`noqa"),
    ],
)
def test_what_nothing_closes_is_read_in_one_pass(path: str, part: str) -> None:
    assert list(comments_in(path, part * 200_000)) == []  # minutes, if each beginning were read to the end
