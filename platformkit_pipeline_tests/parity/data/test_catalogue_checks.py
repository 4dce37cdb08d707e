from __future__ import annotations

from typing import Any

import pytest

from platformkit_pipeline.model.contract import CheckResult
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import TargetUnreachable
from platformkit_pipeline.model.result import Outcome, Severity
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.parity.data.run import run
from platformkit_pipeline_tests.conftest import DatabaseFactory
from platformkit_pipeline_tests.parity.data.conftest import Hold, Read, of_table, ours, surroundings
from platformkit_pipeline_tests.rules.conftest import run_sql

_PARTS = """
create domain public.amount as numeric(12, 2);
create type public.state as enum ('new', 'paid');
create table public.parts (
  id bigint generated always as identity primary key,
  tenant_id uuid not null,
  order_id uuid not null references public.orders (id) on delete cascade,
  code varchar(8) not null unique,
  price public.amount not null default 0 check (price >= 0),
  state public.state not null default 'new',
  tags text[],
  note text,
  shape point,
  unique (tenant_id, code)
);
create index parts_order on public.parts (order_id, state);
alter table public.parts enable row level security;
create policy own on public.parts to authenticated using (tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid);
grant select on public.parts to authenticated;
grant update (note) on public.parts to authenticated;
"""

_HONOURED: dict[str, Any] = {
    "physicalType": "table",
    "properties": [
        {"name": "number", "physicalName": "id", "primaryKey": True, "physicalType": "int8", "logicalType": "integer", "required": True},
        {"name": "code", "physicalType": "varchar(8)", "logicalType": "string", "unique": True},
        {"name": "price", "physicalType": "amount", "logicalType": "number", "customProperties": ours(default="0")},
        {"name": "state", "physicalType": "public.state", "logicalType": "string", "customProperties": ours(default="'new'")},
        {"name": "tags", "physicalType": "text[]", "logicalType": "array"},
    ],
    "customProperties": ours(
        rowLevelSecurity={"tenantConfined": True, "noAnonAccess": True},
        privileges=[{"role": "authenticated", "holds": ["SELECT"], "lacks": ["DELETE"]}],
        uniqueKeys=[{"columns": ["code", "tenant_id"]}],
        foreignKeys=[{"columns": ["order_id"], "references": "orders", "referencedColumns": ["id"], "onDelete": "CASCADE"}],
        indexes=[{"columns": ["order_id"], "method": "btree"}],
        checks=[{"name": "parts_price_check"}, {"expression": "price::numeric >= 0::numeric"}],
    ),
}

_BROKEN: dict[str, Any] = {
    "physicalType": "view",
    "properties": [
        {"name": "tenant_id", "primaryKey": True, "physicalType": "text", "logicalType": "integer"},
        {"name": "note", "required": True, "unique": True, "customProperties": ours(default="''", severity="low")},
        {"name": "missing"},
    ],
    "customProperties": ours(
        rowLevelSecurity={"forced": True, "enabled": False},
        privileges=[{"role": "authenticated", "holds": ["UPDATE"], "lacks": ["SELECT"]}, {"role": "nobody", "holds": ["SELECT"]}],
        uniqueKeys=[{"columns": ["tenant_id"]}],
        foreignKeys=[{"columns": ["order_id"], "references": "public.tenants"}, {"columns": ["tenant_id"], "references": "tenants"}],
        indexes=[{"columns": ["state"]}, {"columns": ["order_id"], "method": "gin"}],
        checks=[{"name": "parts_price_check", "expression": "price > 0"}, {"expression": "price < 9"}],
    ),
}


def _outcomes(results: dict[str, CheckResult]) -> set[Outcome]:
    return {result.outcome for result in results.values()}


def test_what_the_catalogue_shows_honours_or_breaks_each_check(hold: Hold, well_kept: Dsn) -> None:
    run_sql(well_kept, _PARTS)
    honoured = hold(well_kept, of_table("public.parts", **_HONOURED))
    assert {name: r.message for name, r in honoured.items() if r.outcome is not Outcome.PASS} == {}
    assert len(honoured) == 31

    broken = hold(well_kept, of_table("public.parts", **_BROKEN))
    assert {name for name, r in broken.items() if r.outcome is not Outcome.FAIL} == {"tenant_id/exists", "note/exists"}
    assert len(broken) == 21
    assert broken["note/required"].severity is Severity.LOW
    assert broken["authenticated holds UPDATE"].message == "authenticated does not hold UPDATE on the whole table"
    assert broken["tenant_id/type"].evidence == {"type": "uuid"}


def test_what_cannot_be_decided_is_unknown(hold: Hold, well_kept: Dsn) -> None:
    run_sql(well_kept, _PARTS)
    shape = {"name": "shape", "logicalType": "string", "physicalType": "set of nonsense"}
    results = hold(well_kept, of_table("public.parts", properties=[shape, {"name": "gone", "required": True}]))
    assert {name: r.outcome for name, r in results.items()} == {
        "exists": Outcome.PASS,
        "shape/exists": Outcome.PASS,
        "shape/type": Outcome.UNKNOWN,
        "shape/logical-type": Outcome.UNKNOWN,
        "gone/exists": Outcome.FAIL,
        "gone/required": Outcome.UNKNOWN,
    }
    absent = hold(well_kept, of_table("public.absent", properties=[{"name": "id", "required": True}]))
    assert {name: r.outcome for name, r in absent.items()} == {
        "exists": Outcome.FAIL,
        "id/exists": Outcome.FAIL,
        "id/required": Outcome.UNKNOWN,
    }


_SECURE: dict[str, Any] = {"customProperties": ours(rowLevelSecurity={"tenantConfined": True, "noAnonAccess": True})}


def test_security_that_somebody_broke_is_critical(hold: Hold, make_well_kept_database: DatabaseFactory) -> None:
    kept = make_well_kept_database()
    assert _outcomes(hold(kept, of_table("public.orders", **_SECURE))) == {Outcome.PASS}
    for statement, check, message in (
        ("alter table public.orders disable row level security", "row-level-security", "row level security is off"),
        ("alter policy orders_of_tenant on public.orders using (true)", "tenant-confined", "do not confine SELECT, UPDATE, DELETE"),
        ("alter table public.orders owner to authenticated", "tenant-confined", "do not bind authenticated"),
        ("grant select (total) on public.orders to anon", "no-anon-access", "anon holds SELECT"),
    ):
        database = make_well_kept_database()
        run_sql(database, statement, role="supabase_admin")
        result = hold(database, of_table("public.orders", **_SECURE))[check]
        assert (result.outcome, result.severity) == (Outcome.FAIL, Severity.CRITICAL), statement
        assert message in result.message


def test_a_partition_is_a_door_of_its_own(hold: Hold, well_kept: Dsn) -> None:
    confined = "tenant_id = ((select auth.jwt()) ->> 'tenant_id')::uuid"
    run_sql(
        well_kept,
        f"""
        create table public.events (tenant_id uuid not null, at timestamptz not null) partition by range (at);
        create table public.events_2026 partition of public.events for values from ('2026-01-01Z') to ('2027-01-01Z');
        alter table public.events enable row level security;
        create policy own on public.events to authenticated using ({confined});
        grant select on public.events to authenticated;
        """,
    )
    assert hold(well_kept, of_table("public.events", **_SECURE))["tenant-confined"].outcome is Outcome.PASS
    run_sql(well_kept, "grant select on public.events_2026 to authenticated")
    opened = hold(well_kept, of_table("public.events", **_SECURE))["tenant-confined"]
    assert (opened.outcome, opened.message) == (Outcome.FAIL, "row level security of public.events_2026 is off")


def test_every_declared_check_has_a_result_when_nothing_can_be_observed(read: Read) -> None:
    def look() -> Snapshot:
        raise TargetUnreachable("db.example:5432: connection refused")

    contract = read(
        """
apiVersion: v3.1.0
kind: DataContract
id: urn:test
version: 1.0.0
status: active
schema:
  - name: orders
    properties: [{name: id, required: true, customProperties: [{property: platformkit, value: {severity: low}}]}]
    quality: [{query: 'select 1', mustBe: 1, severity: warning}]
"""
    )
    results = list(run(contract, surroundings(None, look)))
    assert [(r.check, r.severity) for r in results] == [
        ("orders/exists", Severity.HIGH),
        ("orders.id/exists", Severity.LOW),
        ("orders.id/required", Severity.LOW),
        ("orders/rows: sql", Severity.MEDIUM),
    ]
    assert {(r.outcome, r.message) for r in results} == {(Outcome.UNKNOWN, "db.example:5432: connection refused")}


@pytest.mark.parametrize("what", ["uniqueKeys", "indexes"])
def test_two_checks_of_one_name_are_refused(hold: Hold, admin_dsn: Dsn, what: str) -> None:
    twice = [{"columns": ["a"]}, {"columns": ["a"]}]
    with pytest.raises(Exception, match="is declared twice"):
        hold(admin_dsn, of_table("public.orders", customProperties=ours(**{what: twice})))
