"""`platformkit up`: serve the web interface and the daemon on this machine."""

from __future__ import annotations

import itertools
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.listening import refuse_remote
from platformkit_pipeline.cli.output import progress, warn
from platformkit_pipeline.cli.signals import Stopped, raised_once
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.model.settings import Settings
    from platformkit_pipeline.operations.local_platform import LocalPlatform

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_SECONDS_BETWEEN_LOOKS = 0.5
_LOOKS_PER_LOOK_AT_THE_DATABASE = 10


@dataclass(frozen=True, slots=True)
class _Served:
    """The settings that are served, and the variables that their targets are reached with."""

    settings_path: Path
    settings: Settings
    environment: dict[str, str]


@app.command()
def up(
    settings: Path | None = typer.Option(
        None, "--settings", metavar="FILE", help="Targets to serve; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml."
    ),
    demo: bool = typer.Option(False, "--demo", help="Serve the sample platform. Also what happens when there are no settings."),
    port: int = typer.Option(3000, "--port", min=0, max=65535, help="Port of the web interface; 0 takes a free one."),
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen on."),
    allow_remote: bool = typer.Option(
        False,
        "--allow-remote",
        help="Permit a --host that others can reach. The web interface has no login: put a proxy with one in front.",
    ),
    no_daemon: bool = typer.Option(False, "--no-daemon", help="Only the web interface: no schedule, no sensor, and runs stay queued."),
) -> int:
    """Serve the Dagster web interface and daemon, until interrupted.

    Starts the local PostgreSQL server and brings the control plane up to date, unless PLATFORMKIT_DATABASE_URL
    and PLATFORMKIT_DAGSTER_DATABASE_URL name databases of your own.

    \b
    Examples:
      platformkit up
      platformkit up --settings fleet.yaml --port 3100
      platformkit up --demo

    \b
    Exit codes: 0 stopped by you; 2 wrong input; 3 something could not be started or ended by itself.
    """
    from platformkit_pipeline.locations import home_directory
    from platformkit_pipeline.operations.gate_roads import PROJECTS, REPOSITORIES
    from platformkit_pipeline.operations.local_platform import ensure_local_platform, require_storage
    from platformkit_pipeline.operations.prepare_demo import demo_home
    from platformkit_pipeline.operations.serve_platform import PlatformServer, choose_port, only_server_of

    refuse_remote(host, allow_remote=allow_remote, served="the web interface")
    if demo and settings is not None:
        raise ConfigurationError("--demo brings settings of its own and cannot be combined with --settings")
    given = None if demo else _given_settings(settings)
    port = choose_port(host, port)
    home = home_directory() if given else demo_home(home_directory())
    with only_server_of(home), raised_once(Stopped):
        platform = None
        try:
            with progress("starting the database ..."):
                platform = ensure_local_platform(home)
                require_storage(platform.environment)
                served = given or _sample_platform(home, platform)
                _register(served.settings, platform)
            environment = {**platform.environment, **served.environment, "PLATFORMKIT_SETTINGS": str(served.settings_path)}
            with PlatformServer(environment, home, host=host, port=port, daemon=not no_daemon) as server:
                with progress("starting Dagster ..."):
                    location = server.wait_until_loaded()
                    server.register(location, PROJECTS, [project.name for project in served.settings.projects])
                    server.register(location, REPOSITORIES, [repository.name for repository in served.settings.repositories])
                _say_what_next(server.url, served, home)
                for look in itertools.count():
                    server.check()
                    if look % _LOOKS_PER_LOOK_AT_THE_DATABASE == 0 and platform.revive():
                        warn("the local PostgreSQL server had ended by itself and was started again")
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
        except Stopped:
            print("stopping", file=sys.stderr)
        finally:
            if platform is not None:
                platform.release()
    return 0


def _given_settings(option: Path | None) -> _Served | None:
    """None when nobody named settings and there is no ./platformkit.yaml."""
    from platformkit_pipeline.operations.read_settings import SETTINGS_VARIABLE, read_settings, settings_path

    path = settings_path(option)
    if option is None and not os.environ.get(SETTINGS_VARIABLE) and not path.exists():
        return None
    return _Served(path.resolve(), read_settings(path), {})


def _sample_platform(home: Path, platform: LocalPlatform) -> _Served:
    from platformkit_pipeline.control_plane.connection import DATABASE_URL
    from platformkit_pipeline.operations.prepare_demo import prepare_demo
    from platformkit_pipeline.operations.read_settings import read_settings

    if platform.server is None:
        raise ConfigurationError(f"the sample platform lives on the local server: name settings with --settings, or unset {DATABASE_URL}")
    made = prepare_demo(home, platform.server)
    return _Served(made.settings_path, read_settings(made.settings_path), made.environment)


def _register(settings: Settings, platform: LocalPlatform) -> None:
    from platformkit_pipeline.control_plane.connection import DATABASE_URL, session
    from platformkit_pipeline.model.dsn import Dsn
    from platformkit_pipeline.operations.sync_targets import sync_targets

    with session(Dsn(platform.environment[DATABASE_URL], origin=f"environment variable {DATABASE_URL}")) as connection:
        sync_targets(connection, settings)


def _say_what_next(url: str, served: _Served, home: Path) -> None:
    settings = served.settings
    names = [*(project.name for project in settings.projects), *(repository.name for repository in settings.repositories)]
    gate = (
        f"platformkit gate --target {names[0]}" + ("" if url.endswith(":3000") else f" --url {url}")
        if names
        else "list projects and repositories there"
    )
    lines = [
        f"Dagster is up: {url}",
        f"  targets   {len(names)} from {served.settings_path}",
        f"  lineage   {url}/asset-groups",
        f"  gate      {gate}",
        f"  logs      {home / 'logs'}",
        "Ctrl-C stops it.",
    ]
    print("\n".join(lines), file=sys.stderr, flush=True)
