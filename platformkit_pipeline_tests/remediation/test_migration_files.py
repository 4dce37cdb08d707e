"""Plans as files: what the Supabase CLI would run, what undoes it, and all or nothing on disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.patch import ManualItem, Patch, Plan
from platformkit_pipeline.operations.propose_plan import write_plan
from platformkit_pipeline.remediation.migration_files import migration_files

NOW = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
ORDERS = relation_identity("table", "public", "orders\nevil")


def patch(title: str = "Enable row level security", *, transactional: bool = True, down: str = "drop policy b") -> Patch:
    return Patch("RLS001", ORDERS, "f" * 32, title, ("alter table a", "create policy b"), (down,), transactional, notes=("mind\nthis",))


def plan(*patches: Patch, manual: tuple[ManualItem, ...] = ()) -> Plan:
    return Plan("p" * 32, "shop", "scan-1", "base-1", patches, manual)


def test_each_patch_is_a_migration_and_an_undo_of_the_same_name_in_order() -> None:
    files = migration_files(plan(patch(), patch("second", down="drop policy c")), NOW)
    assert [f.path for f in files] == [
        "migrations/20261120235959_rls001_public_orders_evil.sql",
        "rollbacks/20261120235959_rls001_public_orders_evil.sql",
        "migrations/20261121000000_rls001_public_orders_evil.sql",
        "rollbacks/20261121000000_rls001_public_orders_evil.sql",
    ]


def test_the_header_carries_the_proof_state_and_the_way_back_to_the_observation() -> None:
    text = migration_files(plan(patch()), NOW)[0].text
    assert "-- proof: UNPROVEN" in text
    assert "scan: scan-1" in text
    assert "base catalogue fingerprint: base-1" in text
    timeouts = "set local lock_timeout = '3s';\nset local statement_timeout = '60s';\n"
    assert text.endswith(f"\n\n{timeouts}alter table a;\ncreate policy b;\n")


def test_a_name_with_a_line_break_cannot_leave_the_comment() -> None:
    header, _ = migration_files(plan(patch()), NOW)[0].text.split("\n\n", 1)
    assert all(line.startswith("-- ") for line in header.splitlines())


def test_a_patch_that_may_not_run_in_a_transaction_says_so() -> None:
    assert "-- not transactional" in migration_files(plan(patch(transactional=False)), NOW)[0].text


def test_manual_items_are_written_with_reason_and_steps() -> None:
    item = ManualItem("RLS001", ORDERS, "f" * 32, "no tenant column", ("decide", "write a policy"))
    [file] = migration_files(plan(manual=(item,)), NOW)
    assert file.path == "MANUAL.md"
    assert "Why by hand: no tenant column." in file.text
    assert "2. write a policy" in file.text


def test_a_folder_that_holds_something_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty"):
        write_plan(plan(patch()), folder, first_version=NOW)
    assert [p.name for p in tmp_path.rglob("*")] == ["plan", "mine.txt"]


def test_all_files_appear_together(tmp_path: Path) -> None:
    written = write_plan(plan(patch()), tmp_path / "new" / "plan", first_version=NOW)
    assert sorted(str(p.relative_to(tmp_path)) for p in written) == sorted(
        str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()
    )
