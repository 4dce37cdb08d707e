"""Plans as migrations in a repository: beside what is there, once, and whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.identity import relation_identity
from platformkit_pipeline.model.patch import ManualItem, Patch, Plan
from platformkit_pipeline.model.proof import Finding, Obligation, PlanProof, Proof, Verdict
from platformkit_pipeline.operations.emit_plan import emit_plan

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
HELD = tuple(Finding(o, Verdict.HELD) for o in Obligation)
PROVEN = Proof(HELD, "before", "after", "rules", "18.6")
REFUTED = replace(PROVEN, findings=(*HELD[:8], Finding(Obligation.ACCESS, Verdict.FAILED, "anon gets in"), HELD[9]))


def patch(name: str, rule: str = "RLS001", proof: Proof | None = PROVEN) -> Patch:
    table = relation_identity("table", "public", name)
    return Patch(rule, table, "f" * 32, f"Mend {name}", (f"alter table {name} x",), (f"alter table {name} y",), proof=proof)


def plan(*patches: Patch) -> Plan:
    return Plan(
        "p" * 32, "shop", "scan-1", "base-1", patches, (ManualItem("TEN001", patches[0].object, "e" * 32, "a decision", ("decide",)),)
    )


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    migrations = tmp_path / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20261120130000_theirs.sql").write_text("select 1;")
    (migrations / "notes.sql").write_text("not a migration")
    return tmp_path


def test_versions_follow_the_newest_that_is_there_and_each_has_its_undo(repository: Path) -> None:
    emitted = emit_plan(plan(patch("a"), patch("b")), repository, now=NOW)
    assert names(repository / "supabase" / "rollbacks") == ["20261120130001_rls001_public_a.sql", "20261120130002_rls001_public_b.sql"]
    assert len(emitted.written) == 4
    assert names(repository / "supabase" / "migrations")[1:3] == names(repository / "supabase" / "rollbacks")


def test_doing_it_again_writes_nothing(repository: Path) -> None:
    emit_plan(plan(patch("a")), repository, now=NOW)
    before = names(repository / "supabase" / "migrations")
    again = emit_plan(plan(patch("a")), repository, now=NOW)
    assert (again.written, again.present) == ((), 1)
    assert names(repository / "supabase" / "migrations") == before
    more = emit_plan(plan(patch("a"), patch("b")), repository, now=NOW)
    assert ([p.name for p in more.written], more.present) == (["20261120130002_rls001_public_b.sql"] * 2, 1)


def test_a_file_carries_its_proof_and_what_is_withheld_gets_none(repository: Path) -> None:
    emit_plan(plan(patch("a"), patch("b", proof=REFUTED)), repository, now=NOW)
    [up] = (repository / "supabase" / "migrations").glob("*rls001*")
    text = up.read_text()
    assert "-- proof: PROVEN (PostgreSQL 18.6, rules rules)" in text
    assert "--   (9) roles can do what they could, but for declared cells: held" in text
    assert text.endswith("\n\nset local lock_timeout = '3s';\nset local statement_timeout = '60s';\nalter table a x;\n")


def test_findings_that_the_same_statements_mend_share_a_file(repository: Path) -> None:
    emitted = emit_plan(plan(patch("a"), patch("a", rule="RLS002")), repository, now=NOW)
    assert len(emitted.written) == 2
    text = emitted.written[0].read_text()
    assert "rule: RLS001" in text
    assert "rule: RLS002" in text
    assert emit_plan(plan(patch("a"), patch("a", rule="RLS002")), repository, now=NOW).written == ()


def test_what_refuses_a_transaction_gets_a_file_for_each_statement(repository: Path) -> None:
    build = replace(patch("a"), up=("create index concurrently i on a (b)", "alter index p attach partition i"), transactional=False)
    emitted = emit_plan(plan(build), repository, now=NOW)
    ups = [path for path in emitted.written if path.parent.name == "migrations"]
    assert [path.name for path in ups] == ["20261120130001_rls001_public_a_1.sql", "20261120130002_rls001_public_a_2.sql"]
    assert [path.read_text().split("\n\n")[1] for path in ups] == [f"{statement};\n" for statement in build.up]
    assert "part 2 of 2" in ups[1].read_text()
    assert emit_plan(plan(build), repository, now=NOW).written == ()


def test_a_plan_that_nobody_tried_is_refused(repository: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no proofs"):
        emit_plan(plan(patch("a", proof=None)), repository, now=NOW)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no folder"):
        emit_plan(plan(patch("a")), tmp_path / "nowhere", now=NOW)


def test_what_is_there_is_never_overwritten_and_nothing_is_half_written(repository: Path) -> None:
    taken = repository / "supabase" / "rollbacks" / "20261120130002_rls001_public_b.sql"
    taken.parent.mkdir()
    taken.write_text("mine")
    with pytest.raises(ConfigurationError, match="File exists"):
        emit_plan(plan(patch("a"), patch("b")), repository, now=NOW)
    assert names(taken.parent) == [taken.name]
    assert taken.read_text() == "mine"
    assert names(repository / "supabase" / "migrations") == ["20261120130000_theirs.sql", "notes.sql"]


def test_what_does_not_hold_together_is_not_written(repository: Path) -> None:
    whole = replace(plan(patch("a"), patch("b")), proof=PlanProof(REFUTED, (), 50.0, None))
    with pytest.raises(ConfigurationError, match="hold alone, but not together: anon gets in"):
        emit_plan(whole, repository, now=NOW)
    assert not (repository / "supabase" / "rollbacks").exists()


def test_what_only_looks_like_a_migration_is_no_obstacle(repository: Path) -> None:
    (repository / "supabase" / "migrations" / "20261120140000_folder.sql").mkdir()
    (repository / "supabase" / "migrations" / "20261120150000_gone.sql").symlink_to(repository / "gone")
    assert len(emit_plan(plan(patch("a")), repository, now=NOW).written) == 2


def test_after_the_end_of_time_there_is_no_version(repository: Path) -> None:
    (repository / "supabase" / "migrations" / "99991231235959_last.sql").write_text("select 1;")
    with pytest.raises(ConfigurationError, match="a migration of the year 9999"):
        emit_plan(plan(patch("a")), repository, now=NOW)
