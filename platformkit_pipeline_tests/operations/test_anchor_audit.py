"""Anchors outside of the database find what makes a chain that is whole: an older backup, a cut end, a chain that was written anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from platformkit_pipeline.cli.main import run
from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.audit import AuditEntry
from platformkit_pipeline.control_plane.connection import ADMIN_DATABASE_URL, DATABASE_URL, Connection, connect
from platformkit_pipeline.model.control_plane import AuditFacts
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.operations.anchor_audit import audit_facts, note_anchor, read_anchors
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user
from platformkit_pipeline_tests.control_plane.test_audit import tamper

NIGHT = datetime(2027, 1, 15, 3, 0, tzinfo=UTC)
REHASH = """
with recursive numbered as (select l.*, row_number() over (order by seq) as n from ops.audit_log l), chain as (
  select n, seq, decode(repeat('00', 32), 'hex') as prev, sha256(decode(repeat('00', 32), 'hex') || convert_to(jsonb_build_array(
    'platformkit-audit-1', seq, (extract(epoch from created_at) * 1000000)::bigint, actor, action, object, detail, scan_id, run_id)::text,
    'UTF8')) as hash from numbered where n = 1
  union all
  select r.n, r.seq, c.hash, sha256(c.hash || convert_to(jsonb_build_array(
    'platformkit-audit-1', r.seq, (extract(epoch from r.created_at) * 1000000)::bigint, r.actor, r.action, r.object, r.detail, r.scan_id,
    r.run_id)::text, 'UTF8')) from numbered r join chain c on r.n = c.n + 1)
update ops.audit_log l set prev_hash = c.prev, row_hash = c.hash from chain c where c.seq = l.seq
"""
MOVE_HEAD = "update ops.audit_head h set seq = l.seq, row_hash = l.row_hash from (select * from ops.audit_log order by seq desc limit 1) l"

EMPTY_HEAD = "update ops.audit_head set seq = 0, row_hash = decode(repeat('00', 32), 'hex')"


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    return tmp_path / "home" / "audit-anchors.jsonl"


def grow(connection: Connection, rows: int = 3) -> None:
    audit.append(connection, [AuditEntry("gate.decided", f"{n}") for n in range(rows)])
    connection.commit()


def anchored(connection: Connection, path: Path, night: int) -> AuditFacts:
    """Verify and note, as every night does."""
    noted = read_anchors(path)
    facts = audit_facts(connection, noted)
    connection.rollback()
    note_anchor(path, facts, noted.anchors, NIGHT + timedelta(days=night))
    return facts


def test_a_chain_that_only_grows_holds_all_its_anchors(pipeline: Connection, anchors: Path) -> None:
    for night in range(3):
        grow(pipeline)
        facts = anchored(pipeline, anchors, night)
        assert (facts.problems, facts.missing_anchors, facts.anchors) == ((), (), night)
    assert [a.length for a in read_anchors(anchors).anchors] == [facts.length - 6, facts.length - 3, facts.length]
    assert anchors.stat().st_mode & 0o077 == 0


def test_a_database_restored_from_an_older_backup_is_found(pipeline_dsn: Dsn, control_plane: Dsn, admin_dsn: Dsn, anchors: Path) -> None:
    original = connect(pipeline_dsn)
    grow(original)
    anchored(original, anchors, 0)
    original.close()
    backup = create_database(admin_dsn, "backup_of_control_plane", template=database_of(control_plane))
    try:
        original = connect(pipeline_dsn)
        grow(original, 2)
        anchored(original, anchors, 1)
        original.close()
        restored = connect(with_user(backup, "platformkit_pipeline"))
        for attempt in (0, 1):  # growing past the anchor hides nothing
            facts = anchored(restored, anchors, 2 + attempt)
            assert facts.problems == (), "the chain of the backup is whole"
            [missing] = facts.missing_anchors
            assert missing.startswith("the anchor of 2027-01-16 03:00 UTC, row ")
            grow(restored, 5)
        restored.close()
        assert len(read_anchors(anchors).anchors) == 2, "nothing was noted over it"
    finally:
        drop_database(admin_dsn, "backup_of_control_plane")


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(("delete from ops.audit_log where seq > (select max(seq) - 2 from ops.audit_log)", MOVE_HEAD), id="end cut off"),
        pytest.param(("update ops.audit_log set actor = 'kim' where seq = 1", REHASH, MOVE_HEAD), id="all rewritten"),
        pytest.param(("truncate ops.audit_log", EMPTY_HEAD), id="emptied"),
    ],
)
def test_a_chain_that_a_superuser_made_whole_again_is_found(
    pipeline: Connection, superuser: Connection, anchors: Path, statements: tuple[str, ...]
) -> None:
    grow(pipeline)
    anchored(pipeline, anchors, 0)
    tamper(superuser, statements)
    facts = anchored(pipeline, anchors, 1)
    assert facts.problems == (), "without an anchor nobody would notice"
    assert len(facts.missing_anchors) == 1


def test_what_a_killed_run_left_is_no_fault_and_what_somebody_wrote_is(pipeline: Connection, anchors: Path) -> None:
    grow(pipeline)
    anchored(pipeline, anchors, 0)
    whole = anchors.read_text()
    for torn in range(1, len(whole) - 1):
        anchors.write_text(whole + whole[:torn])
        read = read_anchors(anchors)
        assert (len(read.anchors), read.faults) == (1, ()), whole[:torn]
    anchored(pipeline, anchors, 1)
    assert (len(read_anchors(anchors).anchors), read_anchors(anchors).faults) == (2, ())
    anchors.write_text(whole.replace('"length"', '"rows"') + whole)
    assert read_anchors(anchors).faults == ("line 1 of audit-anchors.jsonl is no anchor: the file was changed",)
    assert anchored(pipeline, anchors, 2).missing_anchors == read_anchors(anchors).faults


def test_a_chain_that_lacks_a_year_of_anchors_names_some_of_them(pipeline: Connection, superuser: Connection, anchors: Path) -> None:
    for night in range(30):
        grow(pipeline, 1)
        anchored(pipeline, anchors, night)
    tamper(superuser, ("truncate ops.audit_log", EMPTY_HEAD))
    missing = anchored(pipeline, anchors, 30).missing_anchors
    assert (len(missing), missing[-1]) == (21, "and 10 more like these")


def test_a_place_that_cannot_be_written_is_named(pipeline: Connection, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"the audit anchor cannot be noted in .*/file/anchors.jsonl"):
        note_anchor(tmp_path / "file" / "anchors.jsonl", audit_facts(pipeline, read_anchors(tmp_path / "none")), (), NIGHT)


def test_the_command_compares_with_a_file_of_anchors(
    pipeline: Connection,
    superuser: Connection,
    control_plane: Dsn,
    anchors: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(DATABASE_URL, with_user(control_plane, "platformkit_pipeline").reveal())
    monkeypatch.setenv(ADMIN_DATABASE_URL, control_plane.reveal())
    grow(pipeline)
    anchored(pipeline, anchors, 0)
    command = ["db", "verify-audit", "--anchors", str(anchors)]
    assert code_of(command) == 0
    assert capsys.readouterr().out.endswith("; holds 1 anchor\n")
    tamper(superuser, ("delete from ops.audit_log where seq > (select max(seq) - 1 from ops.audit_log)", MOVE_HEAD))
    assert code_of(command) == 1
    assert "problem  the anchor of 2027-01-15 03:00 UTC, row " in capsys.readouterr().out
    assert code_of(["db", "verify-audit", "--anchors", str(anchors.with_name("none"))]) == 2
    assert "there are no anchors in" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        f'{{"noted_at": "0001-01-01T00:00:00+10:00", "length": 3, "head_hash": "{"a" * 64}"}}',
        f'{{"noted_at": "2027-01-01T00:00:00+00:00", "length": {2**63}, "head_hash": "{"a" * 64}"}}',
        f'{{"noted_at": "2027-01-01T00:00:00+00:00", "length": 0, "head_hash": "{"a" * 64}"}}',
        "\x00\x00",
    ],
)
def test_a_line_that_can_be_no_anchor_is_named_and_breaks_the_verdict_not_the_night(pipeline: Connection, anchors: Path, line: str) -> None:
    grow(pipeline)
    anchored(pipeline, anchors, 0)
    anchors.write_text(f"{line}\n{anchors.read_text()}", encoding="utf-8")
    assert anchored(pipeline, anchors, 1).missing_anchors == ("line 1 of audit-anchors.jsonl is no anchor: the file was changed",)


def test_a_file_that_was_cut_down_to_the_beginning_of_an_anchor_holds_none(anchors: Path) -> None:
    anchors.parent.mkdir()
    anchors.write_text('{"noted_at": "2027-01-15T03')
    assert read_anchors(anchors).anchors == ()
    with pytest.raises(ConfigurationError, match="there are no anchors in"):
        read_anchors(anchors, must_exist=True)


@pytest.mark.parametrize("anchor", ["xyz", "9f2", "", "9F" * 32 + "00"])
def test_an_anchor_that_is_no_hash_is_wrong_input(
    control_plane: Dsn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], anchor: str
) -> None:
    monkeypatch.setenv(DATABASE_URL, with_user(control_plane, "platformkit_pipeline").reveal())
    assert code_of(["db", "verify-audit", "--anchor", anchor]) == 2
    assert "64 hex digits" in capsys.readouterr().err


def code_of(command: list[str]) -> object:
    with pytest.raises(SystemExit) as left:
        run(command)
    return left.value.code


def database_of(dsn: Dsn) -> str:
    return dsn.reveal().rpartition("/")[2].partition("?")[0]
