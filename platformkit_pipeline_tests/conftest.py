"""Fixtures that every test may use: a real PostgreSQL server per worker, and databases on it.

One server per xdist worker and session, in a temporary folder, without fsync. A test gets databases of its own and
may do with them what it likes; `sample_platform` and `postgres_server` are shared and must be left as they were.
All DSNs are the superuser's (`supabase_admin`) except those of `sample_platform`, which are the observer's.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from platformkit_pipeline.control_plane import migrations
from platformkit_pipeline.control_plane.connection import Connection, connect, connect_admin
from platformkit_pipeline.locations import read_sql
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.sandbox.databases import create_database, drop_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.sample_platform import create_sample_platform
from platformkit_pipeline.sandbox.supabase import GrantRegime, copy_supabase_database, install_supabase_shape
from platformkit_pipeline_tests.memory_folder import use_memory_for_temporary_files

FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "autovacuum": "off",
}
"""Data of a test need not survive a power cut, and statistics must not change in the middle of one."""

DatabaseFactory = Callable[[], Dsn]
"""Each call makes one more database, dropped after the test."""

_serial = itertools.count(1)


_LONGEST_FIRST = (
    "cli/test_demo",
    "rules/test_planted_violations",
    "operations/test_apply_plan",
    "orchestration/test_target_scan",
    "cli/test_gate",
    "foreign_schemas/",
    "operations/test_self_test",
    "remediation/",
    "gates/",
    "rules/test_hostile_catalogue",
    "rules/test_tenant_leaks",
    "cli/test_apply",
)
"""Files by how long they take: with two workers, a long one at the end would keep one of them waiting."""

_ONE_IN = {
    "connectors/test_acceptance.py::test_a_broken_connector": 3,
    "gates/test_gates": 3,
    "operations/test_scaffold_on_postgres": 2,
    "remediation/proving/": 2,
    "remediation/repository/test_remedies": 2,
    "remediation/test_every_remedy": 3,
    "remediation/test_shadows": 2,
    "rules/repository/test_examples": 2,
    "rules/test_hostile_catalogue": 2,
    "rules/test_planted_violations": 3,
    "rules/test_required_checks": 2,
    "rules/test_tenant_leaks": 2,
}
"""Tests whose many cases go through the same code: every so-manieth runs with `make test`, all of them with `make test-exhaustive`."""

_MEASURED_EVERY = 3
"""Coverage costs a test half of its time again, so it is measured with a part of each file: what is reported is a lower bound."""


@pytest.hookimpl(tryfirst=True)  # before pytest chooses its folder for temporary files
def pytest_configure() -> None:
    """Hear signals, even where whoever started the tests does not: `nohup`, a job in the background of a script."""
    use_memory_for_temporary_files()
    # An example that takes long on a busy machine is no failure. All else stays: where CI is set, the examples are the same each time.
    hypothesis.settings.register_profile("platformkit", hypothesis.settings.default, deadline=None)
    hypothesis.settings.load_profile("platformkit")
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    # kingfisher compiles its rules for seconds: once for all tests, whatever home each of them has
    os.environ.setdefault("KF_RULE_CACHE_DIR", str(Path(__file__).parent.parent / ".platformkit" / "cache" / "kingfisher"))


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is exhaustive
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; within a file, and among all others, the order stays. Says what is exhaustive, and what counts for coverage."""

    def rank(item: pytest.Item) -> int:
        return next(
            (n for n, part in enumerate(_LONGEST_FIRST) if f"platformkit_pipeline_tests/{part}" in item.nodeid), len(_LONGEST_FIRST)
        )

    items.sort(key=rank)
    seen: Counter[str] = Counter()
    running: Counter[str] = Counter()
    for item in items:
        file, _, _ = item.nodeid.partition("::")
        name = item.nodeid.removeprefix("platformkit_pipeline_tests/")
        every = next((many for part, many in _ONE_IN.items() if name.startswith(part)), 1)
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and item.get_closest_marker("exhaustive") is None:
            seen[file] += 1
            if seen[file] % every:
                item.add_marker("exhaustive")
        if item.get_closest_marker("exhaustive") is None:
            running[file] += 1
            if running[file] % _MEASURED_EVERY:
                item.add_marker("no_cover")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The running server of this worker; its superuser is `supabase_admin`."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings=FAST_SETTINGS)
    server.ensure()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def admin_dsn(postgres_server: EmbeddedPostgres) -> Dsn:
    """The database `postgres` of the worker's server, as superuser."""
    return postgres_server.dsn()


@pytest.fixture
def make_blank_database(admin_dsn: Dsn) -> Iterator[DatabaseFactory]:
    """Makes empty databases, copies of template0."""
    yield from _factory(admin_dsn, lambda name: create_database(admin_dsn, name))


@pytest.fixture
def blank_database(make_blank_database: DatabaseFactory) -> Dsn:
    """One empty database."""
    return make_blank_database()


@pytest.fixture(scope="session")
def supabase_template(admin_dsn: Dsn) -> str:
    """Name of the database that `supabase_database` is copied from (grant regime AUTOMATIC)."""
    name = "supabase_template"
    install_supabase_shape(create_database(admin_dsn, name), grants=GrantRegime.AUTOMATIC)
    return name


@pytest.fixture
def make_supabase_database(admin_dsn: Dsn, supabase_template: str) -> Iterator[DatabaseFactory]:
    """Makes Supabase-shaped databases, empty but for the platform's own schemas.

    For the other grant regime run `install_supabase_shape(dsn, grants=GrantRegime.EXPLICIT)` on one.
    """
    yield from _factory(admin_dsn, lambda name: copy_supabase_database(admin_dsn, name, template=supabase_template, copy_files=True))


@pytest.fixture
def supabase_database(make_supabase_database: DatabaseFactory) -> Dsn:
    """One Supabase-shaped database."""
    return make_supabase_database()


@pytest.fixture(scope="session")
def well_kept_template(admin_dsn: Dsn, supabase_template: str) -> str:
    """Name of the database that `well_kept` is copied from."""
    name = "well_kept_template"
    with connect_admin(copy_supabase_database(admin_dsn, name, template=supabase_template, copy_files=True)) as connection:
        connection.execute("set role postgres")
        connection.execute(read_sql("sandbox/well_kept.sql").encode())
    return name


@pytest.fixture
def make_well_kept_database(admin_dsn: Dsn, well_kept_template: str) -> Iterator[DatabaseFactory]:
    """Makes Supabase-shaped databases with a schema that keeps every rule."""
    yield from _factory(admin_dsn, lambda name: copy_supabase_database(admin_dsn, name, template=well_kept_template, copy_files=True))


@pytest.fixture
def well_kept(make_well_kept_database: DatabaseFactory) -> Dsn:
    """One of them: each test breaks something in it."""
    return make_well_kept_database()


@pytest.fixture(scope="session")
def sample_platform(postgres_server: EmbeddedPostgres) -> dict[str, Dsn]:
    """The three sample projects: target name to DSN, as the observer role. Shared: look, do not touch."""
    return create_sample_platform(postgres_server)


@pytest.fixture(scope="session")
def control_plane_template(admin_dsn: Dsn) -> str:
    """Name of a migrated database."""
    name = "control_plane_template"
    migrations.migrate(create_database(admin_dsn, name))
    return name


@pytest.fixture
def control_plane(admin_dsn: Dsn, control_plane_template: str) -> Iterator[Dsn]:
    """A migrated, empty control plane, as superuser."""
    name = f"control_plane_{next(_serial)}"
    yield create_database(admin_dsn, name, template=control_plane_template)
    drop_database(admin_dsn, name)


@pytest.fixture
def make_control_plane(admin_dsn: Dsn, control_plane_template: str) -> Iterator[DatabaseFactory]:
    """Makes more control planes, for the login of the pipeline."""
    yield from _factory(
        admin_dsn, lambda name: with_user(create_database(admin_dsn, name, template=control_plane_template), "platformkit_pipeline")
    )


@pytest.fixture
def pipeline_dsn(control_plane: Dsn) -> Dsn:
    """The same database for the login of the pipeline."""
    return with_user(control_plane, "platformkit_pipeline")


@pytest.fixture
def pipeline(pipeline_dsn: Dsn) -> Iterator[Connection]:
    """A connection as the pipeline has it."""
    connection = connect(pipeline_dsn)
    yield connection
    connection.close()


@pytest.fixture
def superuser(control_plane: Dsn) -> Iterator[Connection]:
    """A connection that nothing is refused to; autocommit."""
    connection = connect_admin(control_plane)
    connection.autocommit = True
    yield connection
    connection.close()


def _factory(admin: Dsn, make_named: Callable[[str], Dsn]) -> Iterator[DatabaseFactory]:
    made: list[str] = []

    def make() -> Dsn:
        made.append(f"test_{next(_serial)}")
        return make_named(made[-1])

    yield make
    for name in made:
        drop_database(admin, name)


@pytest.fixture
def without_secret_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests about other facets: secrets are left unobserved, and say so. The search starts a program of its own each time."""
    from platformkit_pipeline.introspection.repository import observe
    from platformkit_pipeline.introspection.repository.secrets import SecretsObserved
    from platformkit_pipeline.model.repository.facet import RepositoryFacet
    from platformkit_pipeline.model.repository.masking import Masker
    from platformkit_pipeline.model.snapshot import Unobserved

    facets = (RepositoryFacet.SECRETS, RepositoryFacet.SECRET_HISTORY)
    nothing = SecretsObserved((), (), tuple(Unobserved(facet, "this test looks for none") for facet in facets), Masker({}))
    monkeypatch.setattr(observe, "observe_secrets", lambda *_: nothing)
