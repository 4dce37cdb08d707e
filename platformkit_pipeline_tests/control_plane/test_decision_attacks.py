"""Attacks on decisions: as the pipeline nothing is altered or removed, and what it may write is on record; a superuser is found.

What counts is the effect: every row of every table is as before, and so are definitions and rights.
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from platformkit_pipeline.control_plane import audit, reviews, settings_versions, targets, waivers
from platformkit_pipeline.control_plane.alerts import raise_alert
from platformkit_pipeline.control_plane.audit import AuditEntry
from platformkit_pipeline.control_plane.connection import Connection, one_row
from platformkit_pipeline.model.alert import Alert, AlertKind
from platformkit_pipeline.model.audit_anchor import AuditAnchor
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.review import Review
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline.model.waiver import Waiver
from platformkit_pipeline_tests.control_plane.test_audit import tamper
from platformkit_pipeline_tests.control_plane.test_audit_attacks import try_everything

STAGING = Target(TargetKind.SUPABASE_PROJECT, "shop-staging", Environment.STAGING)
PRODUCTION = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION)
NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
TABLES = ("waivers", "exceptions", "gate_decisions", "gate_overrides", "alerts", "settings_versions", "reviews")
GRANT = (
    "insert into ops.waivers (waiver_id, target_id, environment, rule, object_pattern, reason, granted_by, starts_on, expires_on) "
    "select gen_random_uuid(), target_id, 'staging', 'RLS001', {pattern}, 'x', 'x', {first}, {last} from ops.targets "
    "where name = '{target}'"
)
INSERT_SETTINGS = "insert into ops.settings_versions (digest, content, changes, recorded_at) values (repeat('2', 64), '{}', '[]', now())"
DIFFERS = "it is not what the audit log says"
ON_EVERY_TABLE = (
    "delete from ops.{0}",
    "truncate ops.{0} cascade",
    "update ops.{0} set created_at = now() - interval '1 year'",
    "merge into ops.{0} t using (select 1) s on true when matched then delete",
    "with gone as (delete from ops.{0} returning *) select count(*) from gone",
    "alter table ops.{0} disable trigger user",
    "alter table ops.{0} disable trigger all",
    "alter table ops.{0} disable row level security",
    "alter table ops.{0} owner to platformkit_pipeline",
    "alter table ops.{0} rename to forgotten",
    "alter table ops.{0} add column note text",
    "drop table ops.{0} cascade",
    "drop trigger {0}_audit on ops.{0}",
    "drop trigger {0}_audit_delete on ops.{0}",
    "create policy everything on ops.{0} to platformkit_pipeline using (true) with check (true)",
    "grant all on ops.{0} to platformkit_pipeline",
    "create rule quiet as on insert to ops.{0} do instead nothing",
    "create trigger swallow before insert on ops.{0} for each row execute function ops.audit_refuse()",
)
ON_SOME = (
    # un-revoking, moving, prolonging
    "update ops.waivers set revoked_at = null, revoked_by = null, revoke_reason = null where revoked_at is not null",
    "update ops.waivers set revoked_at = now() + interval '1 year' where revoked_at is not null",
    "update ops.waivers set target_id = (select target_id from ops.targets where name = 'shop-production')",
    "update ops.waivers set expires_on = expires_on + 30",
    "update ops.waivers set starts_on = starts_on - 1, reason = 'better'",
    "update ops.waivers set rule = 'RLS002', object_pattern = '*'",
    "update ops.waivers set granted_by = 'kim'",
    # days without an end, which nobody could read or count
    GRANT.format(pattern="'public.new'", first="'infinity'", last="'infinity'", target="shop-staging"),
    "update ops.waivers set revoked_at = 'infinity', revoked_by = 'x', revoke_reason = 'x' where revoked_at is null",
    # winning days back, or hiding what holds
    "update ops.waivers set revoked_at = starts_on - 1, revoked_by = 'x', revoke_reason = 'x' where revoked_at is null",
    "insert into ops.waivers (waiver_id, target_id, environment, rule, object_pattern, reason, granted_by, starts_on, expires_on, "
    "revoked_at, revoked_by, revoke_reason) select gen_random_uuid(), target_id, 'staging', 'RLS003', '*', 'x', 'x', '2026-03-01', "
    "'2026-03-02', '2099-01-01', 'x', 'x' from ops.targets where name = 'shop-staging'",
    "update ops.gate_overrides set ends_at = ends_at + interval '1 hour'",
    "update ops.gate_overrides set ended_at = null, ended_by = null, end_reason = null",
    "update ops.gate_overrides set approved_by = 'dave'",
    "insert into ops.gate_overrides (override_id, target_id, gate, reason, requested_by, approved_by, starts_at, ends_at, ended_at, "
    "ended_by, end_reason) select gen_random_uuid(), target_id, gate, 'x', 'x', 'y', starts_at, ends_at, 'infinity', 'x', 'x' "
    "from ops.gate_overrides",
    # beyond the limit, and in production
    GRANT.format(pattern="'public.other'", first="date '2026-03-01'", last="date '2026-03-31'", target="shop-staging"),
    GRANT.format(pattern="'public.orders'", first="date '2026-06-01'", last="date '2026-06-30'", target="shop-staging"),
    GRANT.format(pattern="'public.orders'", first="date '2026-03-01'", last="date '2026-03-01'", target="shop-production"),
    # answers, settings and reviews that were given
    "update ops.gate_decisions set verdict = 'yes'",
    "update ops.gate_decisions set inputs = '{}'",
    "update ops.settings_versions set content = '{}'",
    "update ops.settings_versions set digest = repeat('0', 64)",
    "update ops.reviews set outcome = 'nothing to do', completed_by = 'kim', completed_at = now()",
    "update ops.reviews set figures = '{}'",
    "update ops.exceptions set target_id = (select target_id from ops.targets where name = 'shop-production')",
    "update ops.exceptions set path = 'docs/exceptions/other.md'",
    "update ops.alerts set headline = 'all is well'",
    "update ops.alerts set raised_at = now() - interval '1 year'",
    # the log itself, and who writes it
    "insert into ops.audit_log (seq, actor, action, prev_hash, row_hash) values (1000000, 'kim', 'waiver.revoked', '', '')",
    "update ops.audit_log set detail = '{}' where action = 'waiver.granted'",
    "create or replace function ops.audit_change() returns trigger language plpgsql as 'begin return null; end'",
    "create or replace function ops.waiver_limits() returns trigger language plpgsql as 'begin return new; end'",
    "create or replace function ops.settings_are_audited() returns trigger language plpgsql as 'begin return null; end'",
    "drop function ops.waiver_limits() cascade",
    "drop function ops.audit_change() cascade",
    "set session_replication_role = replica",
    "set role platformkit_owner",
    "set session authorization platformkit_owner",
    "grant platformkit_owner to platformkit_pipeline",
)
STATE = """
select jsonb_build_array(
  (select jsonb_agg(jsonb_build_array(c.oid, c.relname, c.relowner, c.relrowsecurity, c.relhasrules, c.relacl::text) order by c.oid)
     from pg_class c where c.relnamespace = 'ops'::regnamespace),
  (select jsonb_agg(jsonb_build_array(t.oid, t.tgname, t.tgenabled, t.tgfoid) order by t.oid) from pg_trigger t),
  (select jsonb_agg(to_jsonb(p) order by p.oid) from pg_policy p),
  (select jsonb_agg(to_jsonb(p) order by p.oid) from pg_proc p where p.pronamespace = 'ops'::regnamespace),
  (select jsonb_agg(to_jsonb(m) order by m.oid) from pg_auth_members m))
"""


def state(superuser: Connection) -> list[object]:
    rows = [superuser.execute(f"select to_jsonb(t)::text from ops.{table} t order by 1".encode()).fetchall() for table in TABLES]
    return [
        *rows,
        superuser.execute("select to_jsonb(l) from ops.audit_log l order by seq").fetchall(),
        superuser.execute(STATE).fetchone(),
    ]


@pytest.fixture
def decided(pipeline: Connection, superuser: Connection) -> None:
    """A row of every kind, each written as the product writes it; the review is completed and one waiver is revoked."""
    with pipeline.transaction():
        targets.sync(pipeline, [STAGING, PRODUCTION])
        stored = targets.find(pipeline, STAGING.kind, STAGING.name)
        assert stored is not None
        ids = [str(uuid.uuid4()) for _ in range(2)]
        for waiver_id, pattern in zip(ids, ("public.orders", "public.carts"), strict=True):
            first = NOW.date()
            given = Waiver(waiver_id, stored.target_id, "RLS001", None, pattern, "a prototype", "kim", first, first + timedelta(days=29))
            waivers.grant(pipeline, given)
        waivers.revoke(pipeline, ids[1], by="kim", reason="mended", now=NOW)
        reviews.add(pipeline, Review(2026, date(2026, 3, 31), NOW, NOW - timedelta(days=365), "agenda", {}))
        reviews.complete(pipeline, 2026, by="kim", outcome="one rule more", issue=None, constitution_after=None, now=NOW)
        raise_alert(pipeline, stored.target_id, Alert(AlertKind.TARGET_STALE, "scan", Severity.HIGH, "stale", STAGING), NOW)
        settings_versions.add(pipeline, "1" * 64, {"projects": []}, [], left_out=0, now=NOW)
        pipeline.execute(
            "insert into ops.exceptions (target_id, path, content_digest, title, faults) "
            "values (%s, 'docs/a.md', repeat('1', 64), 'A', '{x}')",
            (stored.target_id,),
        )
        pipeline.execute(
            "insert into ops.gate_overrides (override_id, target_id, gate, reason, requested_by, approved_by, starts_at, ends_at, "
            "ended_at, ended_by, end_reason) values (gen_random_uuid(), %s, 'deploy', 'outage', 'ann', 'bob', %s, %s, %s, 'ann', 'over')",
            (stored.target_id, NOW, NOW + timedelta(hours=2), NOW + timedelta(hours=1)),
        )
        pipeline.execute(
            "insert into ops.gate_decisions (decision_id, target_id, gate, inputs, verdict, reasons, decided_at) "
            "values (gen_random_uuid(), %s, 'deploy', '{\"stale\": true}', 'no', '{stale}', %s)",
            (stored.target_id, NOW),
        )


@pytest.mark.usefixtures("decided")
def test_the_pipeline_alters_and_removes_no_decision(pipeline: Connection, superuser: Connection) -> None:
    before = state(superuser)
    assert all(before[: len(TABLES)]), "there is a row of every kind to attack"
    attacks = [*ON_SOME, *(attack.format(table) for table in TABLES for attack in ON_EVERY_TABLE)]
    try_everything(pipeline, tuple(attacks))
    after = state(superuser)
    if after != before:  # which one it was, without the cost of comparing after each of a hundred
        pytest.fail(f"something of {[n for n, (a, b) in enumerate(zip(after, before, strict=True)) if a != b]} was changed")
    assert problems(superuser) == ()


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize(
    "statement",
    [
        "update ops.targets set environment = 'development' where name = 'shop-production'",
        "update ops.targets set retired_at = now() where name = 'shop-production'",
        "update ops.waivers set revoked_at = now(), revoked_by = 'x', revoke_reason = 'x' where revoked_at is null",
        "update ops.exceptions set faults = '{y}'",
        "update ops.alerts set settled_at = raised_at + interval '1 day'",
        INSERT_SETTINGS,
        GRANT.format(pattern="'public.new'", first="date '2026-03-01'", last="date '2026-03-02'", target="shop-staging"),
    ],
)
def test_what_the_pipeline_may_write_is_on_record_whatever_writes_it(pipeline: Connection, statement: str) -> None:
    length = audit.verify(pipeline).length
    pipeline.execute(statement.encode())
    pipeline.commit()
    assert audit.verify(pipeline).length == length + 1
    assert audit.rows_that_differ(pipeline) == ()


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "update ops.waivers set expires_on = expires_on - 1, reason = 'other' where revoked_at is null",
            DIFFERS,
        ),
        ("update ops.waivers set revoked_at = null, revoked_by = null, revoke_reason = null", DIFFERS),
        ("delete from ops.waivers", "it is gone, and the audit log tells of no deletion"),
        ("update ops.exceptions set faults = '{y}'", DIFFERS),
        ("update ops.exceptions set rules = rules || '{RLS001}', objects = objects || '{*}'", DIFFERS),
        ("update ops.gate_decisions set verdict = 'yes'", DIFFERS),
        ("update ops.gate_decisions set inputs = '{}'", DIFFERS),
        ("update ops.gate_overrides set approved_by = 'dave'", DIFFERS),
        ("delete from ops.gate_overrides", "it is gone, and the audit log tells of no deletion"),
        ("update ops.settings_versions set content = '{\"projects\": [1]}'", DIFFERS),
        (INSERT_SETTINGS, "the audit log does not know of it"),
        ("update ops.reviews set outcome = 'nothing'", DIFFERS),
        ('update ops.alerts set payload = \'{"told": "otherwise"}\'', DIFFERS),
        ("delete from ops.alerts", "it is gone, and the audit log tells of no deletion"),
        ("update ops.targets set environment = 'staging' where name = 'shop-production'", DIFFERS),
    ],
)
def test_a_superuser_who_switches_triggers_off_is_found(superuser: Connection, statement: str, found: str) -> None:
    superuser.execute("set session_replication_role = replica")
    superuser.execute("alter table ops.waivers disable trigger user")  # one of them does not mind replica mode
    assert superuser.execute(statement.encode()).rowcount > 0
    assert audit.verify(superuser).ok, "the chain alone would not tell"
    assert {sentence.partition(": ")[2] for sentence in audit.rows_that_differ(superuser)} == {found}


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (("waiver.revoked", "ops.waivers", {"new": {"waiver_id": "of nothing"}}), "it is gone, and the audit log tells of no deletion"),
        (("waiver.granted", "ops.waivers", None), DIFFERS),
        (("settings.changed", "ops.settings_versions", {"new": {"version_id": 9}}), "it is gone, and the audit log tells of no deletion"),
        (("target.changed", "supabase_project/shop-production", {"environment": "staging", "owners": []}), DIFFERS),
    ],
)
def test_an_entry_that_the_pipeline_makes_up_says_who_made_it_and_is_found(
    pipeline: Connection, entry: tuple[str, str, dict[str, object] | None], found: str
) -> None:
    action, name, detail = entry
    if detail is None:  # another reason for a waiver that is there
        (detail,) = one_row(pipeline.execute("select detail from ops.audit_log where action = 'waiver.granted' order by seq limit 1"))
        detail["new"]["reason"] = "a better one"
    audit.append(pipeline, [AuditEntry(action, name, detail)])
    pipeline.commit()
    actor = one_row(pipeline.execute("select actor from ops.audit_log order by seq desc limit 1"))
    assert actor == ("platformkit_pipeline",)
    assert [sentence.partition(": ")[2] for sentence in audit.rows_that_differ(pipeline)] == [found]


@pytest.mark.usefixtures("decided")
def test_a_superuser_who_leaves_triggers_on_is_on_record(superuser: Connection) -> None:
    length = audit.verify(superuser).length
    superuser.execute("delete from ops.exceptions")
    superuser.execute("delete from ops.alerts")
    rows = superuser.execute("select action, object, actor from ops.audit_log where seq > %s order by seq", (length,)).fetchall()
    assert [(action, name) for action, name, _ in rows] == [("delete", "ops.exceptions"), ("delete", "ops.alerts")]
    assert {actor for *_, actor in rows} == {superuser.info.user}
    assert problems(superuser) == ()


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize("rows", [None, "many", 1])
def test_a_deletion_on_record_hides_no_other_one(superuser: Connection, pipeline: Connection, rows: object) -> None:
    """What the pipeline says itself of deletions counts as well, as far as it is a number."""
    superuser.execute("delete from ops.alerts where alert_id = (select min(alert_id) from ops.alerts)")
    audit.append(pipeline, [AuditEntry("delete", "ops.waivers", {"rows": rows})])
    pipeline.commit()
    assert audit.rows_that_differ(superuser) == ()
    superuser.execute("set session_replication_role = replica")
    superuser.execute("alter table ops.waivers disable trigger user")
    gone = one_row(superuser.execute("with gone as (delete from ops.waivers returning 1) select count(*) from gone"))[0]
    assert gone > 1
    found = audit.rows_that_differ(superuser)
    assert [sentence.partition(" ")[0] for sentence in found] == ["waivers"] * gone
    superuser.execute("truncate ops.waivers cascade")
    assert audit.rows_that_differ(superuser) == found, "a truncation that nobody recorded excuses nothing"


@pytest.mark.usefixtures("decided")
def test_a_target_that_was_removed_with_triggers_off_is_found(superuser: Connection) -> None:
    superuser.execute("set session_replication_role = replica")
    superuser.execute("delete from ops.targets where name = 'shop-production'")
    assert audit.rows_that_differ(superuser) == (
        "targets supabase_project/shop-production: it is gone, and the audit log tells of fewer deletions than rows are gone",
    )


@pytest.mark.usefixtures("decided")
def test_a_superuser_who_forges_an_entry_to_fit_is_found_by_an_anchor_or_the_chain(superuser: Connection) -> None:
    noted = audit.verify(superuser)
    anchor = AuditAnchor(NOW, noted.length, noted.head_hash)
    tamper(superuser, ["update ops.audit_log set actor = 'kim', action = 'waiver.granted' where action = 'waiver.revoked'"])
    assert not audit.verify(superuser).ok
    superuser.execute("delete from ops.audit_log")
    superuser.execute("update ops.audit_head set seq = 0, row_hash = decode(repeat('00', 32), 'hex')")
    assert audit.verify(superuser).ok
    assert audit.anchors_missing(superuser, [anchor]) == (anchor,)


def test_every_table_of_decisions_leaves_entries_and_every_other_one_says_why_not(superuser: Connection) -> None:
    writable = {
        name
        for (name,) in superuser.execute(
            "select c.relname from pg_class c where c.relnamespace = 'ops'::regnamespace and c.relkind in ('r', 'p') "
            "and not c.relispartition and has_table_privilege('platformkit_pipeline', c.oid, 'insert')"
        )
    }
    triggered: dict[str, list[str]] = dict(
        superuser.execute(
            "select c.relname, array_agg(p.proname::text) from pg_trigger t join pg_class c on c.oid = t.tgrelid "
            "join pg_proc p on p.oid = t.tgfoid where c.relnamespace = 'ops'::regnamespace and t.tgtype & 4 = 4 and t.tgtype & 1 = 1 "
            "and p.prosrc like '%%ops.audit_append%%' group by 1"
        ).fetchall()
    )
    assert writable == {*DECISIONS, *NO_DECISIONS}, "a new table is put into one of the two"
    assert set(triggered) >= set(DECISIONS)
    assert {*DECISIONS} - {"targets"} == {table for table in audit.AUDITED_ROWS if table in writable}, (
        "and its rows are compared with the log"
    )
    assert all(len(reason.split()) > 3 for reason in NO_DECISIONS.values())


DECISIONS = (
    *("targets", "waivers", "exceptions", "gate_decisions", "gate_overrides", "settings_versions", "alerts"),
    *("reviews", "amendments", "amendment_targets"),
)
NO_DECISIONS = {
    "scans": "an observation: what was seen when, judged again at any time",
    "inventory_objects": "an observation of one scan, with its history",
    "inventory_history": "an observation of one scan, kept as it was",
    "findings": "what rules say about an observation; nobody decides it",
    "metrics": "measured figures, append-only for whoever writes them",
    "connector_health": "measured figures of one connector at one moment",
    "parity_scores": "what contracts say about an observation; decisions on it are in gate_decisions",
    "contract_results": "what contracts say about an observation, check by check",
    "remediation_plans": "a proposal computed from a scan; what is done with it is audited by the operation",
    "remediation_patches": "parts of a proposal; applying one is audited by the operation",
    "outbox": "messages on their way to others",
    "inbox": "messages that came from others",
    "dead_letters": "messages that could not be delivered",
    "enterprise_readmes": "a rendering of what other tables hold",
}
"""Tables that the pipeline writes and that hold no decision; their deletions are audited all the same."""


def problems(connection: Connection) -> tuple[str, ...]:
    return (*audit.verify(connection).problems, *audit.rows_that_differ(connection))
