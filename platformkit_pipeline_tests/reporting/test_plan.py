"""A plan as a document: nothing in it acts as markup, and what is cut is counted."""

from __future__ import annotations

from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.patch import ManualItem, Patch, Plan
from platformkit_pipeline.reporting.plan import plan_markdown

TABLE = relation_identity("table", "public", "orders")


def _plan(*patches: Patch, manual: tuple[ManualItem, ...] = ()) -> Plan:
    return Plan("0" * 32, "shop", "scan", "fingerprint", patches, manual)


def _patch(up: str, down: str = "select 2") -> Patch:
    return Patch("RLS001", TABLE, "f" * 32, "Enable row level security", (up,), (down,))


def test_a_plan_shows_the_sql_of_every_patch_and_what_is_left_to_a_person() -> None:
    item = ManualItem("TEN001", TABLE, "e" * 32, "no tenant column", ("add one",))
    text = plan_markdown(_plan(_patch("alter table public.orders enable row level security"), manual=(item,)))
    assert "```sql\nalter table public.orders enable row level security;\n-- down: select 2\n```" in text
    assert "For a person: no tenant column" in text


def test_sql_with_a_fence_in_it_cannot_leave_its_block() -> None:
    text = plan_markdown(_plan(_patch("comment on table t is '```\n# title'")))
    assert "````sql\ncomment on table t is '```\n# title';\n" in text


def test_a_long_plan_is_cut_between_items_and_says_so() -> None:
    text = plan_markdown(
        _plan(*[_patch(f"select {n}, '{'x' * 500}'") for n in range(100)]), limit=20_000, remainder="ops.remediation_patches"
    )
    assert len(text) < 25_000
    assert text.count("```") % 2 == 0
    assert "more items are not shown here; they are all in ops.remediation_patches." in text
