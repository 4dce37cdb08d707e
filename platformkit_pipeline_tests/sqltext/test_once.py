"""Calls that ask for the caller are wrapped once, and nothing else of an expression changes."""

from __future__ import annotations

import pytest

from platformkit_pipeline.sqltext.normalise import normalise_query
from platformkit_pipeline.sqltext.once import evaluated_once, same_but_for_wrapping

CALLS = {("auth", "uid"), ("auth", "jwt"), ("current_setting",)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("auth.uid()", "(select auth.uid())"),
        ("(a = auth.uid())", "a = (select auth.uid())"),
        ("((auth.jwt() ->> 'x'::text))::uuid = a", "((select auth.jwt()) ->> 'x'::text)::uuid = a"),
        ("(a OR b) AND (c = auth.uid())", "(a or b) and c = (select auth.uid())"),
        (
            "(EXISTS ( SELECT 1 FROM public.m WHERE ((m.o = t.o) AND (m.u = auth.uid()))))",
            "exists (select 1 from public.m where m.o = t.o and m.u = (select auth.uid()))",
        ),
        (
            "((current_setting('request.jwt.claims'::text, true))::jsonb ->> 'x'::text) = a",
            "((select current_setting('request.jwt.claims'::text, true))::jsonb ->> 'x'::text) = a",
        ),
        ("coalesce(auth.uid(), a) = b", "coalesce((select auth.uid()), a) = b"),
    ],
)
def test_each_call_gets_a_select_of_its_own(before: str, after: str) -> None:
    assert normalise_query(f"select {evaluated_once(before, CALLS)}") == normalise_query(f"select {after}")


@pytest.mark.parametrize("text", ["( SELECT auth.uid() AS uid) = a", "public.f(a) = b", "current_setting(a) = b", "true"])
def test_what_is_asked_once_or_depends_on_the_row_stays_to_the_letter(text: str) -> None:
    assert evaluated_once(text, CALLS) == text


def test_doing_it_twice_is_doing_it_once() -> None:
    once = evaluated_once("a = auth.uid() and b = (auth.jwt() ->> 'x')", CALLS)
    assert evaluated_once(once, CALLS) == once


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("(a = auth.uid())", "a = ( SELECT auth.uid() AS uid)", True),
        ("a = (auth.jwt() ->> 'x') and b", "a = ((select auth.jwt()) ->> 'x') and b", True),
        ("(select auth.uid()) = a", "( SELECT auth.uid() AS uid) = a", True),
        ("a = auth.uid()", "a = (select auth.uid()) or b", False),
        ("a = auth.uid()", "a = (select auth.uid() limit 0)", False),
        ("a = f(b)", "a = (select f(b))", False),
        ("a in (select f())", "a = f()", False),
    ],
)
def test_only_where_the_caller_is_asked_for_makes_no_difference(one: str, other: str, same: bool) -> None:
    assert same_but_for_wrapping(one, other) is same
