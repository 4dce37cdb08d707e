"""Waivers at the command line, on a real control plane: granted, listed, extended, revoked, and refused with nothing written."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from platformkit_pipeline.control_plane import findings, targets
from platformkit_pipeline.control_plane.connection import session
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.target import Environment, Target, TargetKind
from platformkit_pipeline_tests.cli.conftest import Program
from platformkit_pipeline_tests.control_plane.builders import result, stored_scan

STAGING = Target(TargetKind.SUPABASE_PROJECT, "shop-staging", Environment.STAGING)
PRODUCTION = Target(TargetKind.SUPABASE_PROJECT, "shop-production", Environment.PRODUCTION)
ADD = ("waivers", "add", "--rule", "RLS001", "--reason", "a prototype", "--by", "kim")
ON_STAGING = (*ADD, "--target", STAGING.name, "--object")
SECRET = "hunter" + "2hunter"


@pytest.fixture
def ops(pipeline_dsn: Dsn, monkeypatch: pytest.MonkeyPatch) -> Dsn:
    """A control plane where two tables of both targets have no row level security."""
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", pipeline_dsn.reveal())
    open_ones = [result(identity=relation_identity("table", "public", name)) for name in ("orders", "orders[2024]")]
    with session(pipeline_dsn) as connection, connection.transaction():
        targets.sync(connection, [STAGING, PRODUCTION])
        for target in (STAGING, PRODUCTION):
            stored = targets.find(connection, target.kind, target.name)
            assert stored is not None
            scan_id = stored_scan(connection, stored.target_id)
            findings.write(connection, target, stored.target_id, scan_id, open_ones, rules=frozenset({"RLS001"}))
    return pipeline_dsn


def listed(program: Program, *options: str) -> list[dict[str, Any]]:
    found = program("waivers", "list", "--format", "json", *options)
    assert found.code == 0, found.stderr
    document = json.loads(found.stdout)
    assert document["schema_version"] == 1
    waivers: list[dict[str, Any]] = document["waivers"]
    return waivers


def test_a_waiver_is_granted_extended_listed_and_revoked(program: Program, ops: Dsn) -> None:
    granted = program(*ON_STAGING, 'public."orders[2024]"', "--days", "3", "--format", "json")
    assert granted.code == 0, granted.stderr
    document = json.loads(granted.stdout)
    assert (document["covers"], document["days_left_after"]) == (['public."orders[2024]"'], 27)
    name = document["waiver"]["id"]
    extended = program("waivers", "extend", name, "--days", "9", "--reason", "a week late", "--by", "kim")
    assert (extended.code, extended.stdout.rpartition("; ")[2]) == (0, "21 of 30 days are left after it\n")
    assert [(one["object"], one["matches"], one["granted_by"]) for one in listed(program)] == [('public."orders[2024]"', 1, "kim")] * 2
    for reason in ("mended", "mended twice"):
        revoked = program("waivers", "revoke", name, "--reason", reason, "--by", "noor")
        assert (revoked.code, revoked.stdout) == (0, f"waiver {name} was revoked by noor: mended\n")
    assert [one["extends"] for one in listed(program)] == [name]
    assert {one["state"] for one in listed(program, "--all")} == {"revoked", "active"}


def test_a_waiver_is_named_by_the_beginning_of_its_id_as_the_list_shows_it(program: Program, ops: Dsn) -> None:
    for table in ("orders", "orders[2024]"):
        assert program(*ON_STAGING, f'public."{table}"', "--days", "1", "--even-unused").code == 0
    names = {one["id"] for one in listed(program)}
    shown = [line.split()[0] for line in program("waivers", "list").stdout.splitlines()[1:]]
    assert sorted(shown) == sorted(name[:8] for name in names)
    revoked = program("waivers", "revoke", shown[0].upper(), "--reason", "mended", "--by", "kim")
    [ended] = names - {one["id"] for one in listed(program)}
    assert (revoked.code, revoked.stdout) == (0, f"waiver {ended} was revoked by kim: mended\n")
    assert ended.startswith(shown[0])


def test_a_beginning_that_several_waivers_share_names_none(program: Program, ops: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, table in enumerate(("orders", "orders[2024]")):
        monkeypatch.setattr("uuid.uuid4", lambda number=number: uuid.UUID(f"abcdef0{number}-0000-4000-8000-000000000000"))
        assert program(*ON_STAGING, f'public."{table}"', "--days", "1", "--even-unused").code == 0
    refused = program("waivers", "revoke", "abcdef", "--reason", "mended", "--by", "kim")
    assert (refused.code, refused.stdout) == (2, "")
    assert "2 waivers begin with abcdef" in refused.stderr
    assert program("waivers", "revoke", "abcdef01", "--reason", "mended", "--by", "kim").code == 0
    assert program("waivers", "revoke", "abc", "--reason", "mended", "--by", "kim").code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*ADD, "--target", PRODUCTION.name, "--object", "public.orders"), "in production, which has no waivers"),
        ((*ADD, "--target", "lost", "--object", "public.orders"), "no target 'lost'"),
        ((*ON_STAGING, "public.orders", "--days", "31"), "more than the 30 that are left"),
        ((*ON_STAGING, "public.orders", "--days", "0"), "one day at least"),
        ((*ON_STAGING, "public.orders", "--until", "20991231"), "of the form yyyy-mm-dd"),
        ((*ON_STAGING, "public.orders", "--until", "2099-W10-1"), "of the form yyyy-mm-dd"),
        ((*ON_STAGING, "public.orders", "--until", "2099-02-30"), "of the form yyyy-mm-dd"),
        ((*ON_STAGING, "public.order"), "matches 'public.order'"),
        ((*ON_STAGING, f"postgresql://app:{SECRET}@db/shop", "--even-unused"), "without a secret"),
        ((*ON_STAGING, "public.orders", "--by", f"password={SECRET}"), "say who does this"),
        ((*ON_STAGING, "public.orders", "--by", "k\x1b[31mim"), "say who does this"),
        (("waivers", "extend", "first", "--days", "2", "--reason", "late"), "is a UUID"),
        (("waivers", "revoke", "0" * 32, "--reason", "mended"), "there is no waiver"),
        (("waivers", "list", "--target", "lost"), "no target 'lost'"),
    ],
)
def test_what_is_refused_says_why_ends_with_2_and_writes_nothing(program: Program, ops: Dsn, arguments: tuple[str, ...], said: str) -> None:
    refused = program(*arguments)
    assert (refused.code, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert SECRET not in refused.stderr
    assert listed(program, "--all") == []


def test_without_a_control_plane_the_answer_is_3(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORMKIT_DATABASE_URL", f"postgresql://platformkit_pipeline:{SECRET}@127.0.0.1:1/ops")
    found = program("waivers", "list")
    assert (found.code, found.stdout) == (3, "")
    assert SECRET not in found.stderr
