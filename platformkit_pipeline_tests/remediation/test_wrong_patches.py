"""The wrong patches are wrong in the way they say: checked one obligation at a time, without the proof engine."""

from __future__ import annotations

import psycopg
import pytest

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint, object_fingerprints
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sqltext.parser import kind, parse_statement
from platformkit_pipeline_tests.remediation.wrong_patches import (
    APPLIES,
    FRESH,
    GONE,
    KINDS,
    NOTHING_NEW,
    PRESENT,
    ROLES,
    SCOPE,
    TWICE,
    UNDO,
    WRONG_PATCHES,
    WrongPatch,
)
from platformkit_pipeline_tests.rules.conftest import WELL_KEPT, findings, run_sql

pytestmark = pytest.mark.exhaustive

BY_NAME = pytest.mark.parametrize("wrong", WRONG_PATCHES, ids=lambda wrong: wrong.name)
BELONGINGS = ("constraint", "index", "policy", "trigger", "column")


@pytest.fixture
def planted(supabase_database: Dsn, wrong: WrongPatch) -> Dsn:
    """The well-kept schema with the fault that the patch is for."""
    run_sql(supabase_database, WELL_KEPT)
    for statement in wrong.setup:
        run_sql(supabase_database, statement)
    return supabase_database


def apply(dsn: Dsn, statements: tuple[str, ...]) -> None:
    """As the role that applies migrations, and not for ever."""
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        connection.execute("set role postgres")
        connection.execute("set session authorization postgres")
        connection.execute("set lock_timeout = '500ms'; set statement_timeout = '500ms'")
        for statement in statements:
            connection.execute(statement.encode())


def matrix(dsn: Dsn) -> set[tuple[str, str]]:
    """(role, relation) of what a role can read in truth: the query runs, row level security and all."""
    open_to = set()
    names = [f"{r.schema}.{r.name}" for r in observe(dsn).relations if r.schema == "public" and r.kind.value in ("table", "view")]
    with psycopg.connect(dsn.reveal(), autocommit=True) as connection:
        for role in ("anon", "authenticated"):
            for name in names:
                connection.execute(f"set role {role}".encode())
                try:
                    connection.execute(f"select from {name}".encode())
                    open_to.add((role, name))
                except psycopg.errors.InsufficientPrivilege:
                    pass
    return open_to


@BY_NAME
def test_the_setup_makes_the_finding_that_the_patch_is_for(wrong: WrongPatch, planted: Dsn) -> None:
    assert ((wrong.rule, wrong.object) in findings(planted)) is (wrong.obligation != PRESENT)


@BY_NAME
def test_the_setup_makes_no_finding_of_another_kind(wrong: WrongPatch, planted: Dsn) -> None:
    assert {rule for rule, _ in findings(planted)} - {wrong.rule} <= ({"FUN006"} if wrong.rule == "FUN005" else set())


@BY_NAME
def test_the_obligation_that_it_names_is_not_met(wrong: WrongPatch, planted: Dsn) -> None:
    before, found, base = observe(planted), findings(planted), matrix(planted)
    match wrong.obligation:
        case n if n == APPLIES:
            with pytest.raises((psycopg.errors.QueryCanceled, psycopg.errors.InsufficientPrivilege)):
                apply(planted, wrong.up)
            return
        case n if n == KINDS:
            assert any(kind(parse_statement(statement)) == "DropStmt" for statement in wrong.up)
            return
        case n if n == PRESENT:
            assert (wrong.rule, wrong.object) not in found
            return
    apply(planted, wrong.up)
    gone = (wrong.rule, wrong.object) not in findings(planted)
    assert gone is (wrong.obligation != GONE)
    match wrong.obligation:
        case n if n == NOTHING_NEW:
            assert findings(planted) - found
        case n if n == SCOPE:
            assert findings(planted) <= found
            assert _changed_elsewhere(object_fingerprints(before), object_fingerprints(observe(planted)), wrong.object)
        case n if n == TWICE:
            with pytest.raises(psycopg.Error):
                apply(planted, wrong.up)
        case n if n == UNDO:
            apply(planted, wrong.down)
            assert catalog_fingerprint(observe(planted)) != catalog_fingerprint(before)
        case n if n == ROLES:
            assert findings(planted) <= found
            assert matrix(planted) != base


@pytest.mark.parametrize(
    "wrong", [w for w in WRONG_PATCHES if w.obligation in (SCOPE, ROLES, NOTHING_NEW, TWICE)], ids=lambda wrong: wrong.name
)
def test_nothing_else_gives_it_away(wrong: WrongPatch, planted: Dsn) -> None:
    """What is blamed on one obligation is not refused by the plain ones: new findings, the second run, the undo."""
    before, found = catalog_fingerprint(observe(planted)), findings(planted)
    apply(planted, wrong.up)
    if wrong.obligation != NOTHING_NEW:
        assert findings(planted) <= found
    if wrong.obligation != TWICE:
        once = catalog_fingerprint(observe(planted))
        apply(planted, wrong.up)
        assert catalog_fingerprint(observe(planted)) == once
    apply(planted, wrong.down)
    assert catalog_fingerprint(observe(planted)) == before


def test_every_obligation_but_the_stale_base_has_a_patch_that_it_refuses() -> None:
    assert {wrong.obligation for wrong in WRONG_PATCHES} == set(range(PRESENT, FRESH))
    assert len({wrong.name for wrong in WRONG_PATCHES}) == len(WRONG_PATCHES)


def _changed_elsewhere(before: dict[str, str], after: dict[str, str], subject: str) -> set[str]:
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    name = subject.partition(" ")[2]
    return {key for key in changed if key != subject and not key.startswith(tuple(f"{kind_} {name}." for kind_ in BELONGINGS))}
