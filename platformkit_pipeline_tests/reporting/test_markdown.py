from __future__ import annotations

import pytest

from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.reporting.markdown import code, escape, scan_markdown
from platformkit_pipeline_tests.reporting.scan_reports import mixed_report, report, result


def test_findings_stand_in_a_table_per_severity() -> None:
    text = scan_markdown(report(result(), result("FKY003", message="no index")))
    assert "## Critical (1)\n\n| Rule | Object | What is wrong | Clause |\n| --- | --- | --- | --- |\n| RLS001 | `public.orders` |" in text
    assert "## Medium (1)" in text


def test_something_unknown_is_marked() -> None:
    assert "**cannot tell**: could not be parsed" in scan_markdown(mixed_report())


def test_a_report_without_findings_says_so() -> None:
    assert "No findings." in scan_markdown(report())


def test_what_is_left_out_is_counted() -> None:
    many = report(*(result(identity=relation_identity("table", "public", f"t{n}")) for n in range(12)))
    text = scan_markdown(many, limit=5)
    assert text.count("| RLS001 |") == 5
    assert "## Critical (12)" in text
    assert "7 more findings are not listed here." in text


def test_every_row_of_a_table_has_four_cells_whatever_the_names_are() -> None:
    rows = [line for line in scan_markdown(mixed_report()).splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}


def test_what_was_not_observed_is_listed() -> None:
    assert "- `storage_buckets`: permission denied for schema storage" in scan_markdown(mixed_report())


def test_the_object_is_not_named_twice() -> None:
    assert "| `public.orders` | has no row level security |" in scan_markdown(
        report(result(message="public.orders has no row level security"))
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("<img>", r"\<img\>"),
        ("a\r\n\nb", "a b"),
        ("*x* _y_", r"\*x\* \_y\_"),
        ("\x1b[31m", "\ufffd\\[31m"),
        ("@all", "@\u200ball"),
    ],
)
def test_text_is_escaped(text: str, expected: str) -> None:
    assert escape(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("a", "`a`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("a|b", "`a\\|b`"), ("a\nb", "`a b`")]
)
def test_code_spans_hold_any_name(text: str, expected: str) -> None:
    assert code(text) == expected
