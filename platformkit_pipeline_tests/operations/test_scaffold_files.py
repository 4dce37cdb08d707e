"""What `platformkit new` does to a checkout: whole files, once, in order, and no file for input that cannot be used."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.settings import declarations_of
from platformkit_pipeline.model.target import Declarations, Tenancy
from platformkit_pipeline.operations import migration_folder
from platformkit_pipeline.operations.migration_folder import MigrationFolder, NewMigration
from platformkit_pipeline.operations.new_project import new_project
from platformkit_pipeline.operations.new_table import TableRequest, new_table
from platformkit_pipeline.operations.read_settings import read_settings
from platformkit_pipeline_tests.cli.program import ROOT
from platformkit_pipeline_tests.operations.scaffolded import NOW, TABLES, scaffold

DEFAULTS = Declarations()
LATER = datetime(2031, 1, 1, tzinfo=UTC)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """With the baseline and the table `customers`."""
    new_project("shop", tmp_path, DEFAULTS, now=NOW)
    new_table(TableRequest("customers"), tmp_path, DEFAULTS, now=NOW)
    return tmp_path


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(checkout: Path, request: TableRequest, declarations: Declarations = DEFAULTS) -> str:
    """The sentence with which the table is refused; nothing is written."""
    before = files(checkout)
    with pytest.raises(ConfigurationError) as caught:
        new_table(request, checkout, declarations, now=NOW)
    assert files(checkout) == before
    return str(caught.value)


# -- once, whole, in order ----------------------------------------------------------------------------------------------


def test_asking_again_changes_nothing(tmp_path: Path) -> None:
    scaffold(tmp_path)
    before = files(tmp_path)
    assert new_project("shop", tmp_path, DEFAULTS, now=LATER) == ()
    for table in TABLES:
        assert new_table(table, tmp_path, DEFAULTS, now=LATER) == ()
    assert files(tmp_path) == before


def test_every_migration_has_its_undo_and_a_version_of_its_own(tmp_path: Path) -> None:
    folder = scaffold(tmp_path)
    names = sorted(path.name for path in folder.migrations.iterdir())
    assert names == sorted(path.name for path in folder.rollbacks.iterdir())
    assert [name.partition("_") for name in names] == [
        ("20260301120000", "_", "secure_baseline.sql"),
        *((f"2026030112000{n}", "_", f"create_{table.name}.sql") for n, table in enumerate(TABLES, start=1)),
    ]


@pytest.mark.parametrize("there", ["20260301120000_x.sql", "20260301115959_x.sql", "20991231235959_x.sql", "0001_init.sql"])
def test_a_new_version_follows_whatever_is_there(tmp_path: Path, there: str) -> None:
    folder = MigrationFolder(tmp_path)
    folder.migrations.mkdir(parents=True)
    (folder.migrations / there).write_text("select 1;")
    migration, _ = folder.store(NewMigration("a", "select 2;", "select 3;"), now=NOW)
    assert [path.name for path in sorted(folder.migrations.iterdir())] == [there, migration.name]


@pytest.mark.parametrize("there", ["9_init.sql", "99999999999999_x.sql", "20260399000000_x.sql"])
def test_a_file_that_no_time_can_follow_is_named(tmp_path: Path, there: str) -> None:
    folder = MigrationFolder(tmp_path)
    folder.migrations.mkdir(parents=True)
    (folder.migrations / there).write_text("select 1;")
    with pytest.raises(ConfigurationError, match=there):
        folder.store(NewMigration("a", "select 2;", "select 3;"), now=NOW)
    assert not folder.rollbacks.exists()


def test_the_same_name_with_other_content_is_refused(checkout: Path) -> None:
    assert "create_customers.sql has this name and other content" in refused(checkout, TableRequest("customers", columns=("name:text",)))
    before = files(checkout)
    with pytest.raises(ConfigurationError, match=r"secure_baseline\.sql has this name and other content"):
        new_project("another", checkout, DEFAULTS, now=NOW)
    assert files(checkout) == before


def test_a_lost_undo_is_written_again_under_the_same_version(checkout: Path) -> None:
    before = files(checkout)
    for kind in ("rollbacks", "migrations"):  # the second is what a crash between the two files leaves behind
        lost = next((checkout / "supabase" / kind).glob("*create_customers.sql"))
        lost.unlink()
        assert new_table(TableRequest("customers"), checkout, DEFAULTS, now=LATER) == (lost,)
        assert files(checkout) == before


@pytest.mark.parametrize("links", [0, 1, 2])
def test_a_generator_that_is_killed_is_finished_by_the_next_one(checkout: Path, links: int) -> None:
    """Killed before the first file, between the two, and after both, before its drafts are gone."""
    code = f"""
import os, signal
from pathlib import Path
from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.operations.new_table import TableRequest, new_table
link, calls = Path.hardlink_to, []
def deadly(self, target):
    if len(calls) == {links}:
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(link(self, target))
    if len(calls) == {links} == 2:
        os.kill(os.getpid(), signal.SIGKILL)
Path.hardlink_to = deadly
new_table(TableRequest("orders"), Path({str(checkout)!r}), Declarations())
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    folder = MigrationFolder(checkout)
    there = [path for kind in (folder.rollbacks, folder.migrations) for path in kind.glob("*_create_orders.sql")]
    assert len(there) == links
    assert len(new_table(TableRequest("orders"), checkout, DEFAULTS, now=LATER)) == 2 - links
    versions = {path.name for kind in (folder.rollbacks, folder.migrations) for path in kind.glob("*_create_orders.sql")}
    assert len(versions) == 1
    assert not list(checkout.rglob(".platformkit.*"))


def test_what_a_killed_generator_left_unfinished_is_swept_away(checkout: Path) -> None:
    draft = checkout / "supabase" / "migrations" / ".platformkit.abc"
    draft.write_text("create tab")
    new_table(TableRequest("orders"), checkout, DEFAULTS, now=NOW)
    assert not draft.exists()


def test_a_failure_in_the_middle_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked: list[Path] = []
    hardlink_to = Path.hardlink_to

    def full(self: Path, target: Path) -> None:
        if linked:
            raise OSError(28, "No space left on device", str(self))
        linked.append(self)
        hardlink_to(self, target)

    monkeypatch.setattr(Path, "hardlink_to", full)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        new_project("shop", tmp_path, DEFAULTS, now=NOW)
    assert linked
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_a_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "supabase").write_text("")
    with pytest.raises(ConfigurationError, match="supabase"):
        new_project("shop", tmp_path, DEFAULTS, now=NOW)
    assert files(tmp_path) == {"supabase": ""}
    with pytest.raises(ConfigurationError, match="no such folder"):
        new_project("shop", tmp_path / "missing", DEFAULTS, now=NOW)


def test_generators_at_the_same_time_do_not_share_a_version(tmp_path: Path) -> None:
    folder = MigrationFolder(tmp_path)
    threads = [
        threading.Thread(target=lambda n=n: folder.store(NewMigration(f"m{n}", f"select {n};", "select 0;"), now=NOW)) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = [path.name.partition("_")[0] for path in folder.migrations.iterdir()]
    assert len(versions) == len(set(versions)) == 8


def test_the_settings_file_can_be_read_and_is_never_overwritten(tmp_path: Path) -> None:
    declared = Declarations(tenancy=Tenancy("org_id", "org"))
    new_project('1st shop: it\'s "ours"', tmp_path, declared, now=NOW)
    settings = read_settings(tmp_path / "platformkit.yaml")
    assert [(p.name, p.database.dsn_env) for p in settings.projects] == [
        ('1st shop: it\'s "ours"', "PROJECT_1ST_SHOP_IT_S_OURS_DATABASE_URL")
    ]
    assert declarations_of(settings.projects[0]).tenancy == declared.tenancy
    (tmp_path / "platformkit.yaml").write_text("projects: []\n")
    new_project('1st shop: it\'s "ours"', tmp_path, declared, now=NOW)
    assert (tmp_path / "platformkit.yaml").read_text() == "projects: []\n"


def test_no_draft_is_left_behind(tmp_path: Path) -> None:
    scaffold(tmp_path)
    assert list(tmp_path.rglob(".*")) == []
    assert migration_folder.MigrationFolder(tmp_path).find("create_invoices") is not None


# -- input that cannot be used ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("select", "reserved word"),
        ("user", "reserved word"),
        ("a" * 64, "longer than 63 bytes"),
        ("", "empty"),
        ("Orders", "lower-case"),
        ("1st", "begins with no digit"),
        ("pg_things", "belong to PostgreSQL"),
        ("größe", "lower-case"),
        ('x"; drop table public.tenants; --', "lower-case"),
        ("x\ny", "lower-case"),
        ("../x", "lower-case"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(checkout: Path, name: str, says: str) -> None:
    assert says in refused(checkout, TableRequest(name))
    assert says in refused(checkout, TableRequest("fine", columns=(f"{name}:text",)))
    assert says in refused(checkout, TableRequest("fine", schema=name))
    assert says in refused(checkout, TableRequest("fine", references=(f"customers:{name}",)))


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("total", "expected name:type"),
        ("total:", "is not a type"),
        ("total:nmeric", "there is no type nmeric"),
        ("total:public.mood", "there is no type public.mood"),
        ("total:bigserial", "sequence"),
        ("total:int default 1", "is not a type"),
        ("total:int not null", "is not a type"),
        ("total:int); drop table public.tenants; --", "is not a type"),
        ("total:int) inherits (public.tenants", "is not a type"),
        ("total:int, other int", "is not a type"),
        ("total:regproc", "there is no type regproc"),
        ("tenant_id:uuid", "taken by the tenant"),
        ("id:uuid", "taken by the primary key"),
        ("created_at:date", "taken by the audit columns"),
        ("updated_by:uuid", "taken by the audit columns"),
        ("ctid:text", "system column"),
        ("customer_id:uuid", "FKY001"),
        ("user_id:uuid", "FKY001"),
    ],
)
def test_a_column_that_cannot_be_made_is_refused(checkout: Path, column: str, says: str) -> None:
    assert says in refused(checkout, TableRequest("fine", columns=(column,)))


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (TableRequest("fine", columns=("a:int", "a:text")), "taken by another --column"),
        (TableRequest("fine", columns=("customer_id:text",), references=("customers",)), "taken by a reference"),
        (TableRequest("fine", references=("customers", "customers")), "choose another with table:column"),
        (TableRequest("fine", references=("orders",)), "no migration of the folder makes that table; it makes private.audit_log"),
        (TableRequest("fine", references=("tenants",)), "has its tenant anyway"),
        (TableRequest("fine", schema="auth"), "belongs to the platform"),
        (TableRequest("fine", schema="billing"), "no migration of the folder makes it"),
        (TableRequest("fine", public_read=" "), "needs a reason"),
        (TableRequest("fine", not_tenant_scoped=""), "needs a reason"),
        (TableRequest("fine", public_read="a", not_tenant_scoped="b"), "one of them"),
        (TableRequest("fine", public_read="a\nb"), "one line"),
        (TableRequest("fine", not_tenant_scoped="x platformkit:public-read y"), "without 'platformkit:'"),
        (TableRequest("tenants"), "makes the table public.tenants already"),
    ],
)
def test_a_request_that_contradicts_itself_or_the_folder_is_refused(checkout: Path, request_: TableRequest, says: str) -> None:
    assert says in refused(checkout, request_)


def test_a_table_needs_the_baseline_and_that_of_the_same_names(tmp_path: Path, checkout: Path) -> None:
    other = Declarations(updated_at="changed_at")
    assert "the baseline was made for other column names" in refused(checkout, TableRequest("fine"), other)
    assert "private.set_actor()" in refused(checkout, TableRequest("fine", critical=True), Declarations(created_by="made_by"))
    (tmp_path / "bare").mkdir()
    assert "run `platformkit new project NAME` there first" in refused(tmp_path / "bare", TableRequest("fine"))


def test_settings_that_cannot_be_written_into_sql_are_refused(checkout: Path) -> None:
    assert "one name to two columns" in refused(checkout, TableRequest("fine"), Declarations(created_by="a", updated_by="a"))
    assert "audit_columns.updated_at" in refused(checkout, TableRequest("fine"), Declarations(updated_at="x := 1; end $function$; --"))
    single = Declarations(tenancy=Tenancy(not_applicable_reason="one organisation"))
    assert "declare a single tenant" in refused(checkout, TableRequest("fine"), single)
    assert len(new_table(TableRequest("fine", public_read="for all"), checkout, single, now=NOW)) == 2


def test_a_table_that_was_made_by_hand_can_be_referred_to_if_it_has_the_keys(checkout: Path) -> None:
    folder = MigrationFolder(checkout)
    by_hand = folder.migrations / "20260301130000_by_hand.sql"
    by_hand.write_text(
        "create schema billing; create type public.mood as enum ('good');"
        "create table billing.plans (code text primary key);"
        "create table public.parts (id bigserial primary key, tenant_id uuid not null);"
    )
    assert "add `unique (tenant_id, id)`" in refused(checkout, TableRequest("fine", references=("parts",)))
    by_hand.write_text(by_hand.read_text() + "create unique index on public.parts (tenant_id, id);")
    request = TableRequest("fine", schema="billing", columns=("now:mood",), references=("parts", "billing.plans:plan_code"))
    migration, _ = new_table(request, checkout, DEFAULTS, now=NOW)
    text = migration.read_text()
    assert migration.name == "20260301130001_create_billing.fine.sql"
    assert "part_id bigint not null" in text
    assert "foreign key (tenant_id, part_id) references public.parts (tenant_id, id) on delete restrict" in text
    assert "foreign key (plan_code) references billing.plans (code) on delete restrict" in text
    by_hand.write_text(by_hand.read_text() + "this is no sql;")
    assert "20260301130000_by_hand.sql cannot be parsed" in refused(checkout, replace(request, name="finer"))


def test_a_claim_with_a_quote_stays_one_string(tmp_path: Path) -> None:
    declared = Declarations(tenancy=Tenancy(claim="it's') or true --"))
    folder = scaffold(tmp_path, declared)
    assert "->> 'it''s'') or true --')::uuid" in next(folder.migrations.glob("*create_customers.sql")).read_text()


def test_names_that_would_be_cut_off_to_the_same_are_told_apart(checkout: Path) -> None:
    long = "t" * 60
    migration, _ = new_table(TableRequest(long, references=("customers:buyer_id", "customers:seller_id")), checkout, DEFAULTS, now=NOW)
    names = [line.split()[1] for line in migration.read_text().splitlines() if line.strip().startswith("constraint ")]
    assert len(names) == len(set(names)) == 5
    assert all(len(name) <= 63 for name in names)
