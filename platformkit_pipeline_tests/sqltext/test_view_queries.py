"""Which views can be written through."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.view_queries import is_updatable, updated_through


@pytest.mark.parametrize("query", [" SELECT id,\n    total\n   FROM orders\n  WHERE total > 1;", "select * from orders order by id"])
def test_a_plain_copy_of_a_relation_can_be_written(query: str) -> None:
    assert is_updatable(query)


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from orders",
        "select tenant_id from orders group by tenant_id",
        "select distinct tenant_id from orders",
        "select o.id from orders o join tenants t on t.id = o.tenant_id",
        "select id from orders union all select id from orders",
        "select id from orders limit 1",
        "with o as (select id from orders) select id from o",
        "select x from (select id as x from orders) as s",
        "select 1",
        "not even a query",
    ],
)
def test_anything_else_can_not(query: str) -> None:
    assert not is_updatable(query)


def test_the_relation_below_is_named() -> None:
    assert updated_through(" SELECT log.line FROM audit.log;") == ("audit", "log")
    assert updated_through("select line from log as l") == ("", "log")
    assert updated_through("select count(*) from audit.log") is None
