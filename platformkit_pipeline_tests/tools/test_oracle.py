"""The pure parts of `make oracle`: reading the peers' answers, comparing them with ours, telling kinds of differences apart."""

from __future__ import annotations

import json
import re

import pytest

from platformkit_pipeline.model.identity import ObjectIdentity, function_identity, member_identity
from platformkit_pipeline.model.result import Outcome, PatchKind, Result, Severity
from platformkit_pipeline.rules.registry import Scope, rules_for
from tools.check_repository import faults_of_lock
from tools.oracle.compare import Difference, Side, compare, place_of, relation_of
from tools.oracle.document import document
from tools.oracle.kinds import KINDS, outside_sub_selects
from tools.oracle.mapping import MORE, WITHOUT_COUNTERPART, counterparts
from tools.oracle.peers import PGRLS, PGRLS_LOCK, PGRLS_VERSION, SPLINTER, PeerFinding, pgrls_findings, splinter_findings

TABLE = ObjectIdentity("table", "public", "notes")
POLICY = member_identity("policy", "public", "notes", "rows")
CODES = {(SPLINTER, "lint"): frozenset({"RLS001"})}


def result(rule: str, identity: ObjectIdentity, outcome: Outcome = Outcome.FAIL) -> Result:
    return Result(rule, "name", "2.1", Severity.HIGH, outcome, identity, "message", PatchKind.MANUAL)


def test_the_advisors_answer_is_read_from_between_lines_for_people() -> None:
    entry = {"name": "no_primary_key", "metadata": {"schema": "public", "name": "notes", "type": "table"}, "detail": "no key"}
    extension = {"name": "extension_in_public", "metadata": {"name": "citext", "type": "extension", "schema": "public"}, "detail": ""}
    output = f"Target: somewhere (127.0.0.1:1)\n{json.dumps([entry, extension])}\n"
    assert list(splinter_findings(output)) == [
        PeerFinding(SPLINTER, "no_primary_key", "public.notes", "no key"),
        PeerFinding(SPLINTER, "extension_in_public", "citext", ""),
    ]


def test_no_issue_at_all_is_an_empty_answer() -> None:
    assert list(splinter_findings("Target: somewhere\nNo issues found\n")) == []


def test_the_answer_of_pgrls_is_read() -> None:
    output = json.dumps({"violations": [{"rule_id": "SEC001", "location": "public.notes", "message": "off"}], "summary": {}})
    assert list(pgrls_findings(output)) == [PeerFinding(PGRLS, "SEC001", "public.notes", "off")]
    with pytest.raises(ValueError, match="Expecting value"):
        list(pgrls_findings("Error: no such schema"))


def test_a_place_is_the_relation_of_what_lives_on_one() -> None:
    assert place_of(result("RLS004", POLICY)) == "public.notes"
    assert place_of(result("FUN001", function_identity("public", "f", "a integer"))) == "public.f"
    assert place_of(result("EXT001", ObjectIdentity("extension", None, "citext"))) == "citext"


@pytest.mark.parametrize("said", ["public.notes", "public.notes.rows", "public.notes (to_order)", "public.notes.a.b", 'public."notes"'])
def test_what_a_peer_names_is_cut_down_to_an_object_that_exists(said: str) -> None:
    assert relation_of(said, frozenset({"public.notes"})) == "public.notes"


def test_both_speak_about_the_same_object() -> None:
    compared = compare("s", SPLINTER, [PeerFinding(SPLINTER, "lint", "public.notes")], [result("RLS001", TABLE)], CODES, frozenset())
    assert compared.agreed == {"lint": 1}
    assert compared.differences == ()


def test_each_side_may_speak_alone() -> None:
    said = [PeerFinding(SPLINTER, "lint", "public.other", "text"), PeerFinding(SPLINTER, "unmapped", "public.notes")]
    compared = compare("s", SPLINTER, said, [result("RLS001", TABLE), result("RLS002", TABLE)], CODES, frozenset())
    assert compared.differences == (
        Difference("s", Side.OURS, SPLINTER, "RLS001", "public.notes", "message"),
        Difference("s", Side.PEER, SPLINTER, "lint", "public.other", "text"),
    )


def test_what_passes_or_does_not_apply_is_no_finding() -> None:
    compared = compare("s", SPLINTER, [], [result("RLS001", TABLE, Outcome.NOT_APPLICABLE)], CODES, frozenset())
    assert compared.differences == ()


@pytest.mark.parametrize(
    ("text", "outside"),
    [
        ("(tenant_id = ( SELECT ((auth.jwt() ->> 'x'::text))::uuid AS uuid))", "(tenant_id = )"),
        ("(auth.uid() = id)", "(auth.uid() = id)"),
        ("(a = ( SELECT b) AND auth.uid() = ( SELECT (c)))", "(a =  AND auth.uid() = )"),
    ],
)
def test_what_stands_in_sub_selects_is_left_out(text: str, outside: str) -> None:
    assert outside_sub_selects(text) == outside


def test_a_lint_has_a_rule_of_ours_or_a_reason_why_not() -> None:
    assert not set(MORE) & set(WITHOUT_COUNTERPART)
    book = rules_for(Scope.PROJECT)
    assert {code for codes in MORE.values() for code in codes} <= {rule.code for rule in book}
    assert not set(counterparts(book)) & set(WITHOUT_COUNTERPART)


def test_kinds_have_names_of_their_own_and_speak_of_lints_and_rules_that_are_compared() -> None:
    mapped = counterparts(rules_for(Scope.PROJECT))
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        codes = {code for (peer, _), some in mapped.items() if peer == kind.peer for code in some}
        lints = {lint for peer, lint in mapped if peer == kind.peer}
        assert kind.names <= (codes if kind.side is Side.OURS else lints), kind.name


def test_the_page_has_a_section_for_every_kind_and_nothing_that_changes_by_itself() -> None:
    page = document({}, {}, {}, {}, counterparts(rules_for(Scope.PROJECT)))
    assert re.findall(r"^#### (.+)$", page, re.MULTILINE) == [k.name for side in (Side.PEER, Side.OURS) for k in KINDS if k.side is side]
    assert page == document({}, {}, {}, {}, counterparts(rules_for(Scope.PROJECT)))


def test_the_lock_of_pgrls_says_what_and_not_where_from() -> None:
    text = PGRLS_LOCK.read_text(encoding="utf-8")
    assert list(faults_of_lock(PGRLS_LOCK.name, text)) == []
    assert f"pgrls=={PGRLS_VERSION} " in text
