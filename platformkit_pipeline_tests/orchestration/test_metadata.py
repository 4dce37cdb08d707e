"""What Dagit shows is bounded, and says where it was cut."""

from __future__ import annotations

from datetime import date

import dagster as dg

from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.result import Outcome, PatchKind, Result, Severity
from platformkit_pipeline.model.snapshot import Unobserved
from platformkit_pipeline.model.waiver import Cover, CoverKind
from platformkit_pipeline.orchestration.metadata import ROW_LIMIT, findings_metadata, outcome_metadata, unobserved_metadata


def _result(number: int, outcome: Outcome = Outcome.FAIL, message: str = "why") -> Result:
    identity = relation_identity("table", "public", f"t{number:04}")
    return Result("RLS001", "rls-disabled", "2.1", Severity.CRITICAL, outcome, identity, message, PatchKind.SQL)


def test_a_long_list_of_findings_is_cut_and_the_rest_is_counted() -> None:
    metadata = findings_metadata([_result(n) for n in range(ROW_LIMIT + 20)])
    table = metadata["findings"]
    assert isinstance(table, dg.TableMetadataValue)
    assert len(table.records) == ROW_LIMIT
    assert (metadata["findings_total"].value, metadata["truncated"].value) == (ROW_LIMIT + 20, True)


def test_only_what_failed_or_could_not_be_judged_is_a_finding() -> None:
    results = [_result(n, outcome) for n, outcome in enumerate(Outcome)]
    metadata = findings_metadata(results)
    assert (metadata["findings_total"].value, metadata["truncated"].value) == (2, False)


def test_a_long_message_is_cut() -> None:
    table = findings_metadata([_result(1, message="x" * 5000)])["findings"]
    assert isinstance(table, dg.TableMetadataValue)
    assert len(str(table.records[0].data["message"])) == 400


def test_every_outcome_is_counted_per_rule() -> None:
    metadata = outcome_metadata([_result(1), _result(2, Outcome.PASS), _result(3, Outcome.PASS)])
    assert (metadata["fail"].value, metadata["pass"].value, metadata["unknown"].value) == (1, 2, 0)
    table = metadata["rules"]
    assert isinstance(table, dg.TableMetadataValue)
    (row,) = table.records
    assert (row.data["rule"], row.data["fail"], row.data["pass"]) == ("RLS001", 1, 2)


def test_a_member_of_an_enumeration_is_shown_as_text_because_dagster_stores_no_other() -> None:
    shown = unobserved_metadata([Unobserved(RepositoryFacet.CHANGE, "nobody named a base")])["unobserved"]
    assert isinstance(shown, dg.TableMetadataValue)
    [what] = [record.data["what"] for record in shown.records]
    assert (what, type(what)) == ("change", str)


def test_a_finding_that_is_excused_says_until_when_and_by_what() -> None:
    covered, other = _result(1), _result(2)
    cover = Cover(CoverKind.WAIVER, "w-1", "RLS001", None, ("*",), date(2026, 2, 1), date(2026, 2, 9), "a prototype")
    table = findings_metadata([covered, other], lambda r: cover if r is covered else None)["findings"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["waiver"] for record in table.records] == ["waived until 2026-02-09 by waiver w-1", ""]
