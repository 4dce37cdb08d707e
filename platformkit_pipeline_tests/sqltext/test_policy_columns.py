"""Columns that depend on who asks."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.policy_columns import columns_compared_with_the_caller


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("(tenant_id = (( SELECT auth.uid() AS uid)))", {"tenant_id"}),
        ("((auth.uid() = owner) OR (state = 'open'::text))", {"owner"}),
        ("((state = ANY (ARRAY['a'::text, 'b'::text])) AND (owner = auth.uid()))", {"owner"}),
        ("((state = 'a'::text) AND (state = (auth.jwt() ->> 'state'::text)))", {"state"}),
        # PostgreSQL hashes what the sub-select finds and compares row by row: no index helps that policy
        ("(tenant_id IN ( SELECT m.tenant_id FROM members m WHERE (m.user_id = auth.uid())))", set()),
        ("(deleted_at IS NULL)", set()),
        ("(state = 'open'::text)", set()),
        ("((owner)::text = (auth.jwt() ->> 'sub'::text))", {"owner"}),
        ("(lower(email) = auth.email())", set()),
        ("true", set()),
    ],
)
def test_columns_that_an_index_could_find_the_callers_rows_by(expression: str, columns: set[str]) -> None:
    assert columns_compared_with_the_caller(expression) == columns
