"""GRANT and REVOKE say what they are about."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.statement_kinds import statement_kinds


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("grant select (a) on table t to b with grant option", "GRANT ON TABLE"),
        ("revoke execute on function f() from public, anon", "REVOKE ON FUNCTION"),
        ("grant usage on schema s to public", "GRANT ON SCHEMA"),
        ("grant a to b", "GRANT ROLE"),
        ("alter default privileges for role a in schema b revoke select on tables from c", "ALTER DEFAULT PRIVILEGES REVOKE"),
    ],
)
def test_the_kind_names_the_object(statement: str, kind: str) -> None:
    assert statement_kinds(statement) == (kind,)
