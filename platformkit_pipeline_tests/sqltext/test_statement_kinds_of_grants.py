"""Kinds of statement say what they are about where that decides what they may do."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.statement_kinds import statement_kinds


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("grant select (a) on table t to b with grant option", "GRANT ON TABLE"),
        ("revoke execute on function f() from public, anon", "REVOKE ON FUNCTION"),
        ("grant usage on schema s to public", "GRANT ON SCHEMA"),
        ("revoke all on all tables in schema s from anon", "REVOKE ON ALL TABLE"),
        ("grant a to b", "GRANT ROLE"),
        ("alter function f() set search_path = ''", "ALTER FUNCTION SET search_path"),
        ("alter function f() reset search_path", "ALTER FUNCTION SET search_path"),
        ("alter function f() set search_path = '' set role = 'a'", "ALTER FUNCTION SET search_path SET role"),
        ("alter function f() reset all", "ALTER FUNCTION RESET ALL"),
        ("alter view v set (security_invoker = on)", "ALTER VIEW SET REL OPTIONS security_invoker"),
        (
            "alter view v set (security_invoker = on, security_barrier = off)",
            "ALTER VIEW SET REL OPTIONS security_barrier, security_invoker",
        ),
        ("create index concurrently on t (a)", "CREATE INDEX"),
        ("alter table t add constraint c foreign key (a) references b (c) on delete restrict", "ALTER TABLE ADD CONSTRAINT FOREIGN KEY"),
        (
            "alter table t add constraint c foreign key (a) references b (c) on delete cascade not valid",
            "ALTER TABLE ADD CONSTRAINT FOREIGN KEY ON DELETE CASCADE",
        ),
        ("alter table t add constraint c check (true)", "ALTER TABLE ADD CONSTRAINT CHECK"),
        ("create unique index on t (a)", "CREATE UNIQUE INDEX"),
        ("alter default privileges for role a in schema b revoke select on tables from c", "ALTER DEFAULT PRIVILEGES REVOKE"),
    ],
)
def test_the_kind_names_the_object(statement: str, kind: str) -> None:
    assert statement_kinds(statement) == (kind,)
