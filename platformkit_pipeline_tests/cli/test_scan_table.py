from __future__ import annotations

import os
import pty
import subprocess
from dataclasses import replace
from datetime import date

import pytest
from rich.console import Console

from platformkit_pipeline.cli.scan_table import printable, scan_table
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.result import finding_fingerprint
from platformkit_pipeline.model.score import compliance_score
from platformkit_pipeline.model.waiver import Cover, CoverKind
from platformkit_pipeline_tests.cli.program import command_line, environment_of
from platformkit_pipeline_tests.reporting.scan_reports import SHOP, mixed_report, report, result


def shown(width: int) -> list[str]:
    console = Console(width=width, no_color=True, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(scan_table(mixed_report()))
    return [line.rstrip() for line in capture.get().splitlines()]


@pytest.mark.parametrize("width", [20, 40, 75, 76, 120, 300])
def test_every_line_fits_the_terminal(width: int) -> None:
    assert max(map(len, shown(width))) <= width


def test_object_and_fault_stand_side_by_side_where_there_is_room() -> None:
    (line,) = (line for line in shown(120) if line.startswith("  RLS001  public.orders "))
    assert line.split() == ["RLS001", "public.orders", "has", "no", "row", "level", "security"]


def test_the_fault_stands_below_its_object_in_a_narrow_terminal() -> None:
    lines = shown(60)
    position = lines.index("  RLS001 public.orders")
    assert lines[position + 1] == "    has no row level security"


def test_something_unknown_is_marked_and_what_was_not_observed_is_listed() -> None:
    text = "\n".join(shown(120))
    assert "cannot tell: could not be parsed" in text
    assert "NOT OBSERVED (1)\n  storage_buckets: permission denied for schema storage" in text


def test_a_name_cannot_send_anything_to_the_terminal() -> None:
    assert "\x1b" not in "\n".join(shown(120))
    assert printable("a\x1b[31m\n\u202eb") == "a\\x1b[31m\\n\\u202eb"


def test_markup_in_a_name_is_just_text() -> None:
    console = Console(width=100, no_color=True)
    with console.capture() as capture:
        console.print(scan_table(report(result(message="[red]alarm[/red]"))))
    assert "[red]alarm[/red]" in capture.get()


def run_in_terminal(dsn: Dsn, **env: str) -> str:
    """Standard output of a scan whose output is a terminal."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        command_line("scan", "--dsn-env", "SHOP", "--select", "RLS"),
        env=environment_of({"SHOP": dsn.reveal(), "TERM": "xterm-256color", "COLUMNS": "100", **env}), stdout=child, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(child)
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(parent)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"")
    return b"".join(pieces).decode()


def test_a_terminal_gets_colour_unless_it_asked_for_none(messy_database: Dsn) -> None:
    assert "\x1b[1;31mCRITICAL" in run_in_terminal(messy_database)
    assert "\x1b[31m" not in run_in_terminal(messy_database, NO_COLOR="1")


@pytest.mark.parametrize("width", [60, 120])
def test_what_is_excused_says_until_when_and_both_scores_are_told(width: int) -> None:
    finding = result()
    cover = Cover(CoverKind.WAIVER, "w-1", "RLS001", None, ("*",), date(2026, 2, 1), date(2026, 2, 9), "a prototype")
    covers = {finding_fingerprint(SHOP, finding.rule, finding.object): cover}
    excused = replace(report(finding), covers=covers, score=compliance_score([finding], frozenset({0})))
    console = Console(width=width, no_color=True, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(scan_table(excused))
    assert "waived until 2026-02-09: has no row level security" in capture.get()
    assert "Score 0.0 of 100 (100.0 with waivers)" in " ".join(capture.get().split())
