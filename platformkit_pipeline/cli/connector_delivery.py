"""`platformkit connectors relay` and `platformkit connectors dead-letters`: delivery of events, and those that were given up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.output import ListFormat, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from platformkit_pipeline.control_plane.connection import Connection
    from platformkit_pipeline.model.dsn import Dsn
    from platformkit_pipeline.operations.deliver_events import Destination

EXIT_DEAD = 1

dead_letters_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="List events whose delivery was given up, or send them again."
)

_DSN_ENV = typer.Option(
    None, "--dsn-env", metavar="NAME", help="Environment variable with the DSN of a connector's database; default the control plane."
)
_SCHEMA = typer.Option("ops", "--schema", metavar="NAME", help="Schema of the delivery tables there.")


def relay(
    once: bool = typer.Option(False, "--once", help="Deliver what is due now, then end."),
    settings: Path | None = typer.Option(
        None, "--settings", metavar="FILE", help="Settings to read; default PLATFORMKIT_SETTINGS, else ./platformkit.yaml."
    ),
) -> int:
    """Deliver the events of this product to the webhooks of the settings.

    Runs until SIGINT or SIGTERM, then ends what is in hand. Any number may run at once. A webhook that fails is tried
    again with growing delay; after eight attempts its event is a dead letter.

    \b
    Exit codes: 0 fine; 1 with --once: an event was given up; 2 a webhook's variable is not set;
    3 the control plane is not usable.

    \b
    Examples:
      platformkit connectors relay
      platformkit connectors relay --once
    """
    from platformkit_pipeline.locations import home_directory
    from platformkit_pipeline.model.errors import ConfigurationError
    from platformkit_pipeline.operations.deliver_events import deliver_once, destinations
    from platformkit_pipeline.operations.local_platform import control_plane_logins
    from platformkit_pipeline.operations.read_settings import read_settings, settings_path

    to = destinations(read_settings(settings_path(settings)).notifications)
    if not to:
        raise ConfigurationError("the settings name no destination: add notifications.mattermost or notifications.n8n")
    with ExitStack() as end:
        for destination in to:
            end.callback(destination.send.close)
        logins = end.enter_context(control_plane_logins(home_directory()))
        if not once:
            _until_told(logins.pipeline, to)
            return 0
        turns = deliver_once(logins.pipeline, to)
    lines = [f"{name}: {turn.delivered} delivered, {turn.postponed} postponed, {turn.dead} given up" for name, turn in turns.items()]
    write_text("\n".join(lines) + "\n", None)
    return EXIT_DEAD if any(turn.dead for turn in turns.values()) else 0


@dead_letters_app.command("list")
def list_dead_letters(
    dsn_env: str | None = _DSN_ENV,
    schema: str = _SCHEMA,
    output_format: ListFormat = typer.Option(ListFormat.TABLE, "--format", help="Form of the list."),
) -> None:
    """List the open dead letters, the oldest first.

    \b
    Examples:
      platformkit connectors dead-letters list
      platformkit connectors dead-letters list --dsn-env SHOP_URL --schema delivery --format json
    """
    from platformkit_pipeline.cli.listing import print_rows
    from platformkit_pipeline.connectors.delivery.dead_letters import DeadLetters

    with _database(dsn_env) as connection:
        letters = DeadLetters(schema).listed(connection)
    if output_format is ListFormat.JSON:
        listed = [
            {
                "id": letter.event.id,
                "destination": letter.destination,
                "aggregatetype": letter.event.aggregatetype,
                "aggregateid": letter.event.aggregateid,
                "type": letter.event.type,
                "payload": letter.event.payload,
                "attempts": letter.attempts,
                "reason": letter.reason,
                "died_at": letter.died_at.isoformat(),
            }
            for letter in letters
        ]
        write_text(json.dumps({"schema_version": 1, "dead_letters": listed}, ensure_ascii=False, indent=2) + "\n", None)
        return
    rows = [
        (
            letter.event.id,
            letter.destination or "-",
            letter.event.type,
            f"{letter.event.aggregatetype} {letter.event.aggregateid}",
            str(letter.attempts),
            f"{letter.died_at:%Y-%m-%d %H:%M:%S %Z}",
            letter.reason,
        )
        for letter in letters
    ]
    print_rows(("id", "destination", "type", "about", "attempts", "given up", "reason"), rows)


@dead_letters_app.command("replay")
def replay_dead_letters(
    ids: list[str] = typer.Argument(None, metavar="[ID]...", help="Events to send again; default all."),
    dsn_env: str | None = _DSN_ENV,
    schema: str = _SCHEMA,
) -> None:
    """Put open dead letters back into the outbox, with fresh attempts, behind what waits of their key.

    \b
    Examples:
      platformkit connectors dead-letters replay
      platformkit connectors dead-letters replay 0b9c1c9e-9a53-4a52-8f0c-0d0f7c9a7a51
    """
    from uuid import UUID

    from platformkit_pipeline.connectors.delivery.dead_letters import DeadLetters
    from platformkit_pipeline.model.errors import ConfigurationError

    try:
        wanted = [str(UUID(text)) for text in ids or ()]
    except ValueError:
        raise ConfigurationError("the id of an event is a UUID, as `platformkit connectors dead-letters list` shows it") from None
    with _database(dsn_env) as connection:
        count = DeadLetters(schema).replay(connection, wanted or None)
    write_text(f"{count} put back into the outbox\n", None)


def _until_told(dsn: Dsn, to: Sequence[Destination]) -> None:
    """Deliver until a signal comes; those after it are ignored, the attempt in hand ends."""
    import threading

    from platformkit_pipeline.cli.signals import until_told
    from platformkit_pipeline.operations.deliver_events import deliver_until

    with until_told():
        deliver_until(threading.Event(), dsn, to)


@contextmanager
def _database(dsn_env: str | None) -> Iterator[Connection]:
    """The database with the delivery tables, in one transaction; errors of the driver as sentences."""
    from platformkit_pipeline.control_plane.connection import connect_admin, control_plane_errors, session
    from platformkit_pipeline.locations import home_directory
    from platformkit_pipeline.operations.local_platform import control_plane_logins
    from platformkit_pipeline.operations.resolve_dsn import dsn_from_environment

    if dsn_env is None:
        with control_plane_logins(home_directory()) as logins, session(logins.pipeline) as connection:
            yield connection
        return
    dsn = dsn_from_environment(dsn_env)
    connection = connect_admin(dsn)
    try:
        with control_plane_errors(dsn), connection:
            yield connection
    finally:
        connection.close()
