"""Which columns of which relation a normalised statement looks for."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.statements import Access, accesses, statement_facts

COLUMNS = {
    "orders": frozenset({"id", "tenant_id", "status", "total", "created_at", "customer_id"}),
    "customers": frozenset({"id", "region", "name"}),
}
ORDERS = (None, "orders")
CUSTOMERS = (None, "customers")


def looked_up(text: str) -> set[Access]:
    facts = statement_facts(text)
    assert facts is not None
    return set(accesses(facts, lambda _, name: COLUMNS.get(name)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select * from orders where status = $1 and $2 = tenant_id", {Access(ORDERS, frozenset({"status", "tenant_id"}))}),
        ("select * from orders where id = any ($1)", {Access(ORDERS, frozenset({"id"}))}),
        ("select * from orders where status in ($1, $2 /*, ... */)", {Access(ORDERS, frozenset({"status"}))}),
        ("select * from orders where total between $1 and $2", {Access(ORDERS, ranges=("total",))}),
        ("select * from orders where created_at > now() - interval $1", {Access(ORDERS, ranges=("created_at",))}),
        ("select * from orders order by created_at desc, id desc limit $1", {Access(ORDERS, sorting=("created_at", "id"))}),
        ("select * from orders order by created_at desc, id limit $1", set()),
        ("select * from orders order by created_at", set()),
        ("select status, count(*) from orders group by status order by status limit $1", set()),
        ("update orders set total = $1 where id = $2", {Access(ORDERS, frozenset({"id"}))}),
        ("delete from public.orders where status = $1", {Access(("public", "orders"), frozenset({"status"}))}),
        ("insert into customers select id from orders where status = $1", {Access(ORDERS, frozenset({"status"}))}),
        ("select count(*) from orders where total = n", {Access(ORDERS, frozenset({"total"}))}),
    ],
)
def test_one_relation(text: str, expected: set[Access]) -> None:
    assert looked_up(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "select * from orders where status = $1 or total = $2",
        "select * from orders where status::text = $1",
        "select * from orders where lower(status) = $1",
        "select * from orders where not (status = $1)",
        "select * from orders where status <> $1",
        "select * from orders where id = customer_id",
        "select * from (select status from orders) as o where o.status = $1",
        "with status as (select $1 as x) select * from status where x = $2",
        "select * from elsewhere where a = $1",
        "select * from orders, customers where id = $1",
    ],
)
def test_what_no_plain_index_serves_or_nobody_can_tell(text: str) -> None:
    assert looked_up(text) == set()


def test_a_join_is_found_from_the_side_that_values_filter() -> None:
    found = looked_up("select * from orders as o join customers as c on c.id = o.customer_id where o.status = $1")
    assert found == {Access(ORDERS, frozenset({"status"})), Access(CUSTOMERS, frozenset({"id"}))}


def test_joins_by_using_and_sub_selects_count_as_joins() -> None:
    assert looked_up("select * from orders join customers using (id) where region = $1") == {
        Access(CUSTOMERS, frozenset({"region"})),
        Access(ORDERS, frozenset({"id"})),
    }
    assert looked_up("select * from orders where customer_id in (select id from customers where region = $1) and status = $2") == {
        Access(ORDERS, frozenset({"status"})),
        Access(CUSTOMERS, frozenset({"region"})),
    }


def test_an_outer_reference_is_a_value() -> None:
    found = looked_up("select (select name from customers where customers.id = orders.customer_id) from orders where status = $1")
    assert found == {Access(ORDERS, frozenset({"status"})), Access(CUSTOMERS, frozenset({"id"}))}


def test_what_the_data_api_sends() -> None:
    text = (
        'WITH pgrst_source AS (SELECT "public"."orders".* FROM "public"."orders" WHERE "public"."orders"."status" = $1 '
        'ORDER BY "public"."orders"."created_at" DESC LIMIT $2 OFFSET $3) SELECT $4::bigint AS total_result_set, '
        "pg_catalog.count(_postgrest_t) AS page_total FROM (SELECT * FROM pgrst_source) _postgrest_t"
    )
    assert looked_up(text) == {Access(("public", "orders"), frozenset({"status"}), sorting=("created_at",))}
    facts = statement_facts(text)
    assert facts is not None
    assert facts.relations == {("public", "orders")}
    assert (facts.command, facts.parameters, facts.reads_only) == ("SELECT", 4, True)


@pytest.mark.parametrize(
    "text", ["select * from orders for update", "with d as (delete from orders returning id) select * from d", "select 1 as a into b"]
)
def test_a_select_may_write(text: str) -> None:
    facts = statement_facts(text)
    assert facts is not None
    assert not facts.reads_only


@pytest.mark.parametrize("text", ["select from where", "select 1; select 2", "", "<insufficient privilege>"])
def test_what_is_no_statement_has_no_facts(text: str) -> None:
    assert statement_facts(text) is None


def test_a_very_deep_expression_is_no_crash() -> None:
    statement_facts("select * from orders where total = " + " + ".join(["$1"] * 9000))
