"""What people did in that year, day by day, at noon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

import pytest

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.target import Environment
from platformkit_pipeline.operations.annual_review import complete_review
from platformkit_pipeline.operations.waive import WaiverRequest, extend_waiver, grant_waiver, revoke_waiver
from platformkit_pipeline_tests.year.world import Act, World

CONSTITUTION, CHANGELOG = "spec/platform/constitution.md", "CHANGELOG.md"
AMENDMENT = "spec/platform/constitution-amendments/2026-03-16-definers.md"
EXCEPTION = "docs/exceptions/2026-02-25-legacy.md"
_AMENDED = """# Functions that act for their owner name their path

- Constitution version: 1.0.0 → 1.1.0
- Approved by: Platform Architect Kim Larsen, 2026-03-17; Security Owner Sam Ortiz, 2026-03-19
- Rules: FUN001

## Migration of existing projects
Every project fixes the path of its functions.
"""
_EXCUSED = """# The legacy export reads all orders

## Rationale
The export of the warehouse cannot set a tenant before summer.

## Risk assessment
A fault in the job would show the orders of one tenant to another.

## Mitigation plan
The job has a role of its own, and nobody else is granted the table.

## Expiry date
2026-06-30

## Approvals
- Security/Compliance Owner: Sam Ortiz, 2026-02-24
- Platform Architect: Kim Larsen, 2026-02-25

## Rules
RLS001, RLS002

## Objects
`public.orders`

## Targets
`p01`
"""


def constitution(version: str, rules: str) -> str:
    return f"# Constitution\n\n**Version:** {version}\n\n## Rules\n\n{rules}\n"


def opened(name: str, table: str = "public.orders") -> Act:
    """Somebody switches row level security off: RLS001, and RLS002 for the policies that nobody applies any more."""
    return lambda world: world.sql(name, f"alter table {table} disable row level security")


def closed(name: str, table: str = "public.orders") -> Act:
    return lambda world: world.sql(name, f"alter table {table} enable row level security")


def ran(name: str, *statements: str) -> Act:
    return lambda world: world.sql(name, *statements)


def waived(name: str, table: str, days: int | None, rules: tuple[str, ...] = ("RLS001", "RLS002")) -> Act:
    """Before any scan has found it, as somebody does who knows what comes."""

    def act(world: World) -> None:
        for rule in rules:
            request = WaiverRequest(name, "a prototype", "kim", rule, table, days=days, even_unused=True)
            world.kept[f"{name}/{rule}"] = grant_waiver(world.connection, request, world.noon).waiver.waiver_id

    return act


def extended(name: str, days: int) -> Act:
    def act(world: World) -> None:
        for rule in ("RLS001", "RLS002"):
            before = world.kept[f"{name}/{rule}"]
            granted = extend_waiver(world.connection, before, reason="late", by="kim", days=days, last_day=None, now=world.noon)
            world.kept[f"{name}/{rule}"] = granted.waiver.waiver_id

    return act


def refused(name: str, table: str) -> Act:
    def act(world: World) -> None:
        with pytest.raises(ConfigurationError, match="used up"):
            waived(name, table, None)(world)

    return act


def revoked(name: str) -> Act:
    def act(world: World) -> None:
        for rule in ("RLS001", "RLS002"):
            revoke_waiver(world.connection, world.kept[f"{name}/{rule}"], reason="mended", by="kim", now=world.noon)

    return act


def unreachable(name: str) -> Act:
    return lambda world: world.away.add(name)


def reachable(name: str) -> Act:
    return lambda world: world.away.discard(name)


def promoted(name: str) -> Act:
    return lambda world: world.declare(name, Environment.PRODUCTION)


def committed(message: str, **texts: str | None) -> Act:
    """`texts` by the names below; None removes the document."""
    paths = {"constitution": CONSTITUTION, "changelog": CHANGELOG, "amendment": AMENDMENT, "exception": EXCEPTION}

    def act(world: World) -> None:
        for name, text in texts.items():
            if text is None:
                (world.repository.folder / paths[name]).unlink()
            else:
                world.repository.write(paths[name], text)
        world.repository.commit(message)

    return act


def reviewed(world: World) -> None:
    complete_review(world.connection, world.settings, year=2026, by="kim", outcome="Nothing has to change.", now=world.noon)


def tampered(world: World) -> None:
    """A superuser writes another reason into the log."""
    world.superuser.execute("alter table ops.audit_log disable trigger all")
    world.kept["detail"] = world.superuser.execute("select detail::text from ops.audit_log where seq = 3").fetchone()
    world.superuser.execute("update ops.audit_log set detail = '{}' where seq = 3")


def put_back(world: World) -> None:
    world.superuser.execute("update ops.audit_log set detail = %s::jsonb where seq = 3", world.kept["detail"])
    world.superuser.execute("alter table ops.audit_log enable always trigger audit_log_append_only")
    world.superuser.execute("alter table ops.audit_log enable always trigger audit_log_no_truncate")


_STAMP = (
    "create function public.stamp() returns void language sql security definer as 'select 1'",
    "comment on function public.stamp() is 'platformkit:definer stamps what nobody else may'",
    "revoke execute on function public.stamp() from public, anon, authenticated",
)
_ACTS: tuple[tuple[str, Act], ...] = (
    ("01-05", opened("p04")),
    ("01-09", closed("p04")),
    ("01-12", opened("s01")),
    ("01-12", waived("s01", "public.orders", 20)),
    ("01-28", extended("s01", 10)),
    ("02-01", ran("d01", *_STAMP)),
    ("02-08", waived("s01", "public.orders", None)),
    ("02-12", refused("s01", "public.orders")),
    ("02-13", closed("s01")),
    ("02-20", unreachable("p05")),
    ("02-23", reachable("p05")),
    ("03-01", opened("p01")),
    ("03-01", committed("An exception", exception=_EXCUSED)),
    ("03-10", reviewed),
    (
        "03-20",
        committed(
            "An amendment",
            amendment=_AMENDED,
            constitution=constitution("1.1.0", "One. Two."),
            changelog="# Changelog\n\n## 0.2.0\n\n- The constitution is at 1.1.0: functions name their path\n",
        ),
    ),
    ("04-01", opened("s02", "public.tenants")),
    ("04-01", waived("s02", "public.tenants", 30)),
    ("04-10", promoted("s02")),
    ("04-12", closed("s02", "public.tenants")),
    ("04-12", revoked("s02")),
    ("05-05", tampered),
    ("05-06", put_back),
    ("05-11", ran("d03", "drop index public.orders_tenant_id_idx")),
    ("06-20", ran("d01", "drop function public.stamp()")),
    ("07-02", closed("p01")),
    ("07-02", committed("The exception is over", exception=None)),
    ("08-03", opened("d02")),
    ("08-05", closed("d02")),
    ("08-10", opened("d02")),
    ("08-12", closed("d02")),
    ("09-07", unreachable("p06")),
    ("09-08", reachable("p06")),
    ("10-01", ran("d03", "create index orders_tenant_id_idx on public.orders (tenant_id)")),
    ("11-02", opened("p07")),
    ("11-02", opened("p08")),
    ("11-04", closed("p07")),
    ("11-04", closed("p08")),
    ("12-01", waived("d04", "public.drafts", 15, rules=("RLS001",))),
    *((f"{month:02}-15", ran("p10", f"alter table public.orders add column note_{month} text")) for month in range(1, 13)),
)


def script() -> Mapping[date, list[Act]]:
    days: dict[date, list[Act]] = defaultdict(list)
    for day, act in _ACTS:
        days[date.fromisoformat(f"2026-{day}")].append(act)
    return days
