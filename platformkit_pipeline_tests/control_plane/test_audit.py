from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import psycopg
import pytest
from psycopg import sql

from platformkit_pipeline.control_plane import audit
from platformkit_pipeline.control_plane.audit import AuditEntry
from platformkit_pipeline.control_plane.connection import Connection, connect, connect_admin
from platformkit_pipeline.model.dsn import Dsn

ENTRIES = [
    AuditEntry("target.added", "supabase_project/shop", {"n": 1, "text": 'ü "quoted" \\ '}, run_id="run-1"),
    AuditEntry("gate.decided", None, {"nested": {"list": [1, 2.5, None, True]}}),
    AuditEntry("patch.applied", "table public.orders"),
]


def tamper(superuser: Connection, statements: Sequence[str]) -> None:
    """What only somebody above all layers can do."""
    superuser.execute("alter table ops.audit_log disable trigger user")
    superuser.execute("alter table ops.audit_head disable trigger user")
    for statement in statements:
        superuser.execute(statement)


@pytest.fixture
def length(pipeline: Connection) -> int:
    """Number of rows after the entries were appended."""
    last = audit.append(pipeline, ENTRIES)
    pipeline.commit()
    return last


def test_entries_are_chained_in_order_and_verified(pipeline: Connection, length: int) -> None:
    rows = pipeline.execute("select action, object, detail, actor, run_id from ops.audit_log order by seq desc limit 3").fetchall()
    assert rows[::-1] == [(e.action, e.object, dict(e.detail), "platformkit_pipeline", e.run_id) for e in ENTRIES]
    verified = audit.verify(pipeline)
    assert verified == audit.AuditVerification(True, length, verified.head_hash, ())
    assert len(verified.head_hash) == 64


def test_the_chain_does_not_depend_on_settings_of_the_session(control_plane: Dsn, pipeline: Connection, length: int) -> None:
    other = connect_admin(control_plane)
    try:
        for setting in ("timezone = 'Pacific/Auckland'", "datestyle = 'German'", "extra_float_digits = -5", "bytea_output = 'escape'"):
            other.execute("set " + setting)
        audit.append(other, ENTRIES)
        other.commit()
        assert audit.verify(other).ok
    finally:
        other.close()
    assert audit.verify(pipeline).ok
    assert audit.verify(pipeline).length == length + 3


def test_a_rolled_back_append_leaves_no_hole(pipeline: Connection, length: int) -> None:
    audit.append(pipeline, ENTRIES)
    pipeline.rollback()
    assert audit.append(pipeline, ENTRIES[:1]) == length + 1
    pipeline.commit()
    assert audit.verify(pipeline).ok


def test_the_actor_is_the_login_even_after_set_role(superuser: Connection) -> None:
    superuser.execute("set role platformkit_pipeline")
    audit.append(superuser, ENTRIES[:1])
    superuser.execute("reset role")
    assert superuser.execute("select actor from ops.audit_log order by seq desc limit 1").fetchone() == (superuser.info.user,)


def test_passwords_and_nul_characters_do_not_reach_the_log(pipeline: Connection) -> None:
    detail = {"dsn": "postgresql://me:hunter2@db/shop", "list": [{"x": "password=hunter2"}], "odd": "a\x00b"}
    audit.append(pipeline, [AuditEntry("scan.failed", "postgresql://me:hunter2@db/shop", detail)])
    row = pipeline.execute("select object || detail::text from ops.audit_log order by seq desc limit 1").fetchone()
    assert row is not None
    assert "hunter2" not in row[0]
    assert "postgresql://me:***@db/shop" in row[0]


def test_an_action_that_is_not_a_dotted_verb_is_refused(pipeline: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        audit.append(pipeline, [AuditEntry("Something happened")])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("action", "'other.action'"),
        ("actor", "'somebody_else'"),
        ("object", "'another'"),
        ("detail", "'{}'"),
        ("run_id", "null"),
        ("created_at", "created_at + interval '1 microsecond'"),
    ],
)
def test_a_changed_column_is_found(pipeline: Connection, superuser: Connection, length: int, column: str, value: str) -> None:
    seq = length - 2
    tamper(superuser, [f"update ops.audit_log set {column} = {value} where seq = {seq}"])
    assert audit.verify(pipeline).problems == (f"row {seq}: its content was changed",)


def test_a_changed_row_with_a_recomputed_hash_is_found_at_the_next_row(pipeline: Connection, superuser: Connection, length: int) -> None:
    seq = length - 2
    rehash = "ops.audit_digest(prev_hash, seq, created_at, actor, action, object, detail, scan_id, run_id)"
    tamper(
        superuser,
        [f"update ops.audit_log set detail = '{{}}' where seq = {seq}", f"update ops.audit_log set row_hash = {rehash} where seq = {seq}"],
    )
    assert audit.verify(pipeline).problems == (f"row {seq + 1}: it does not continue the row before it",)


def test_a_missing_row_is_found(pipeline: Connection, superuser: Connection, length: int) -> None:
    tamper(superuser, [f"delete from ops.audit_log where seq = {length - 1}"])
    assert audit.verify(pipeline).problems == (f"row {length}: rows before it are missing (the last one present is {length - 2})",)


def test_a_cut_tail_is_found(pipeline: Connection, superuser: Connection, length: int) -> None:
    tamper(superuser, [f"delete from ops.audit_log where seq = {length}"])
    verified = audit.verify(pipeline)
    assert not verified.ok
    assert verified.problems == (f"the log ends at row {length - 1}, the head says {length}: rows were cut off or put in",)


def test_a_replaced_last_row_is_found(pipeline: Connection, superuser: Connection, length: int) -> None:
    rehash = "ops.audit_digest(prev_hash, seq, created_at, actor, action, object, detail, scan_id, run_id)"
    tamper(
        superuser,
        [
            f"update ops.audit_log set actor = 'x' where seq = {length}",
            f"update ops.audit_log set row_hash = {rehash} where seq = {length}",
        ],
    )
    assert audit.verify(pipeline).problems == ("the hash of the last row is not that of the head",)


def test_a_tail_cut_together_with_the_head_is_found_by_the_anchor(pipeline: Connection, superuser: Connection, length: int) -> None:
    anchor = audit.verify(pipeline).head_hash
    pipeline.commit()
    tamper(
        superuser,
        [
            f"delete from ops.audit_log where seq = {length}",
            "update ops.audit_head set (seq, row_hash) = (select seq, row_hash from ops.audit_log order by seq desc limit 1)",
        ],
    )
    assert audit.verify(pipeline).ok
    assert audit.verify(pipeline, anchor=anchor).problems == (f"the anchored hash {anchor} is no longer in the chain: it was rewritten",)


def test_an_earlier_head_is_a_valid_anchor_of_a_longer_chain(pipeline: Connection, length: int) -> None:
    anchor = audit.verify(pipeline).head_hash
    audit.append(pipeline, ENTRIES)
    assert audit.verify(pipeline, anchor=anchor).ok


def test_a_long_list_of_breaks_is_cut_and_says_so(pipeline: Connection, superuser: Connection, length: int) -> None:
    audit.append(pipeline, ENTRIES * 10)
    pipeline.commit()
    tamper(superuser, ["update ops.audit_log set actor = 'x'"])
    problems = audit.verify(pipeline).problems
    assert len(problems) == 21
    assert problems[-1] == "more than 20 rows are broken; the list is cut"


def test_a_stolen_head_is_found(pipeline: Connection, superuser: Connection, length: int) -> None:
    tamper(superuser, ["delete from ops.audit_head"])
    assert audit.verify(pipeline).problems == ("ops.audit_head is empty: the end of the chain is unknown",)


def test_hashes_that_are_null_fit_nothing(pipeline: Connection, superuser: Connection, length: int) -> None:
    tamper(
        superuser,
        [
            "alter table ops.audit_log alter row_hash drop not null",
            "alter table ops.audit_log alter prev_hash drop not null",
            f"update ops.audit_log set detail = '{{\"forged\": 1}}', row_hash = null, prev_hash = null where seq = {length - 1}",
        ],
    )
    assert audit.verify(pipeline).problems[0] == f"row {length - 1}: its content was changed"
    tamper(superuser, [f"delete from ops.audit_log where seq = {length}", f"update ops.audit_head set seq = {length - 1}"])
    assert "the hash of the last row is not that of the head" in audit.verify(pipeline).problems


def test_functions_in_a_schema_of_somebodys_own_are_not_called(pipeline_dsn: Dsn, superuser: Connection, length: int) -> None:
    forged = f"update ops.audit_log set detail = '{{\"forged\": 1}}' where seq = {length}"
    signature = "(bytea) returns bytea language sql as"
    tamper(
        superuser,
        [
            "create schema forger",
            "grant usage on schema forger to public",
            f"create function forger.sha256{signature} $$ select row_hash from ops.audit_log order by seq desc limit 1 $$",
            "create function forger.differs(bytea, bytea) returns boolean language sql as $$ select false $$",
            "create operator forger.<> (leftarg = bytea, rightarg = bytea, function = forger.differs)",
            "create function forger.same(bytea, bytea) returns boolean language sql as $$ select true $$",
            "create operator forger.= (leftarg = bytea, rightarg = bytea, function = forger.same)",
            forged,
        ],
    )
    (database,) = superuser.execute("select current_database()").fetchall()[0]
    superuser.execute(sql.SQL("alter database {} set search_path = forger, pg_catalog").format(sql.Identifier(database)))
    with closing(connect(pipeline_dsn)) as connection:
        assert audit.verify(connection).problems == (f"row {length}: its content was changed",)
