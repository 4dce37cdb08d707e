"""A folder of migrations is read as the Supabase CLI would run it; what it would not run is told, never dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from platformkit_pipeline.introspection.repository import migrations
from platformkit_pipeline.introspection.repository.migrations import read_migrations
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.migration import DuplicateVersion, MigrationFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "supabase" / "migrations"
    made.mkdir(parents=True)
    return made


def test_files_come_in_the_order_of_their_names_with_version_and_name(folder: Path) -> None:
    (folder / "20240102000000_second_step.sql").write_text("select 2;")
    (folder / "20240101000000_first.sql").write_text("select 1;")
    assert read_migrations(folder).files == (
        MigrationFile("20240101000000_first.sql", "20240101000000", "first", "select 1;"),
        MigrationFile("20240102000000_second_step.sql", "20240102000000", "second_step", "select 2;"),
    )


def test_names_are_ordered_character_by_character_as_the_cli_orders_them(folder: Path) -> None:
    for name in ("9_a.sql", "10_b.sql", "2024_c.sql", "20240101_d.sql"):
        (folder / name).write_text("select 1;")
    assert [f.path for f in read_migrations(folder).files] == ["10_b.sql", "20240101_d.sql", "2024_c.sql", "9_a.sql"]


@pytest.mark.parametrize(
    "name", ["20240101000000-dashes.sql", "init.sql", "v1_x.sql", "20240101_x.SQL", "20240101_x.sql.bak", "README.md", ".gitkeep"]
)
def test_what_is_not_called_digits_underscore_name_is_skipped_and_told(folder: Path, name: str) -> None:
    (folder / name).write_text("select 1;")
    found = read_migrations(folder)
    assert found.files == ()
    assert [(s.path, s.reason) for s in found.skipped] == [(name, "is not called <digits>_<name>.sql")]


def test_an_init_file_older_than_the_clis_history_is_skipped_only_at_the_front(folder: Path) -> None:
    (folder / "20210101000000_init.sql").write_text("select 1;")
    (folder / "20210102000000_init.sql").write_text("select 1;")
    (folder / "20240101000000_init.sql").write_text("select 1;")
    found = read_migrations(folder)
    assert [s.path for s in found.skipped] == ["20210101000000_init.sql"]
    assert [f.path for f in found.files] == ["20210102000000_init.sql", "20240101000000_init.sql"]


def test_a_folder_with_the_name_of_a_migration_is_skipped(folder: Path) -> None:
    (folder / "1_x.sql").mkdir()
    assert [(s.path, s.reason) for s in read_migrations(folder).skipped] == [("1_x.sql", "is a folder")]


def test_versions_that_several_files_carry_are_told(folder: Path) -> None:
    for name in ("20240101_a.sql", "20240101_b.sql", "20240102_c.sql"):
        (folder / name).write_text("select 1;")
    assert read_migrations(folder).duplicates == (DuplicateVersion("20240101", ("20240101_a.sql", "20240101_b.sql")),)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"select '\xff';", "is no UTF-8 text: byte 9 cannot be decoded"),
        (b"select 1;\0", "is no text: it holds a zero byte at character 10"),
    ],
)
def test_bytes_that_are_no_text_are_told_and_not_guessed(folder: Path, data: bytes, reason: str) -> None:
    (folder / "1_x.sql").write_bytes(data)
    found = read_migrations(folder)
    assert (found.files, [(u.path, u.version, u.reason) for u in found.unreadable]) == ((), [("1_x.sql", "1", reason)])


def test_a_file_that_is_too_large_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "MAX_FILE_BYTES", 20)
    (folder / "1_small.sql").write_text("select 1;")
    (folder / "2_large.sql").write_text("select 1; -- and more than twenty")
    found = read_migrations(folder)
    assert [f.path for f in found.files] == ["1_small.sql"]
    assert [(u.path, u.reason) for u in found.unreadable] == [("2_large.sql", "is too large: 33 bytes, and a file may have 20")]


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.sql").write_text("select 'from elsewhere';")
    (folder / "1_out.sql").symlink_to(tmp_path / "secret.sql")
    (folder / "2_real.sql").write_text("select 2;")
    (folder / "3_in.sql").symlink_to("2_real.sql")
    (folder / "4_loop.sql").symlink_to("4_loop.sql")
    (folder / "5_gone.sql").symlink_to("missing.sql")
    found = read_migrations(folder)
    assert [(f.path, f.text) for f in found.files] == [("2_real.sql", "select 2;"), ("3_in.sql", "select 2;")]
    assert [u.path for u in found.unreadable] == ["1_out.sql", "4_loop.sql", "5_gone.sql"]
    assert found.unreadable[0].reason == "is a symbolic link that leads out of the folder"


def test_rollbacks_are_read_from_the_folder_beside(folder: Path) -> None:
    (folder / "1_x.sql").write_text("drop table t;")
    (folder.parent / "rollbacks").mkdir()
    (folder.parent / "rollbacks" / "1_x.sql").write_text("create table t ();")
    (folder.parent / "rollbacks" / "notes.txt").write_text("no rollback")
    assert dict(read_migrations(folder).rollbacks) == {"1_x.sql": "create table t ();"}


def test_a_missing_folder_and_a_file_are_refused_with_a_sentence(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        read_migrations(folder / "nowhere")
    (folder / "1_x.sql").write_text("")
    with pytest.raises(ConfigurationError, match="is no folder"):
        read_migrations(folder / "1_x.sql")


def test_more_entries_than_anybody_has_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "MAX_FILES", 1)
    for name in ("1_a.sql", "2_b.sql"):
        (folder / name).write_text("")
    with pytest.raises(ConfigurationError, match="holds 2 entries; more than 1 are not read"):
        read_migrations(folder)
