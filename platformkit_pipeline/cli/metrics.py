"""`platformkit metrics`: how the platform stands now, for people and for Prometheus."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from platformkit_pipeline.cli.control_plane import DEMO, control_plane_of
from platformkit_pipeline.cli.listening import refuse_remote
from platformkit_pipeline.cli.output import check_output, write_text
from platformkit_pipeline.model.errors import ConfigurationError

if TYPE_CHECKING:
    from platformkit_pipeline.model.dsn import Dsn
    from platformkit_pipeline.reporting.prometheus import Gauge

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_SCHEMA_VERSION = 1


class MetricsFormat(StrEnum):
    TABLE = "table"
    JSON = "json"
    PROMETHEUS = "prometheus"


@app.command()
def metrics(
    output_format: MetricsFormat = typer.Option(MetricsFormat.TABLE, "--format", help="Form of the figures."),
    output: Path | None = typer.Option(None, "--output", metavar="FILE", help="Write to a file, replaced whole, instead of stdout."),
    serve: int | None = typer.Option(None, "--serve", metavar="PORT", min=0, max=65535, help="Serve /metrics until interrupted."),
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen on with --serve."),
    allow_remote: bool = typer.Option(False, "--allow-remote", help="Permit a --host that others can reach; there is no login."),
    demo: bool = DEMO,
) -> None:
    """Tell how the platform stands: scores, findings, alerts, queues, and the latest of what was measured.

    \b
    Examples:
      platformkit metrics
      platformkit metrics --format prometheus --output /var/lib/node_exporter/platformkit.prom
      platformkit metrics --serve 9187
    """
    from platformkit_pipeline.control_plane.connection import session
    from platformkit_pipeline.control_plane.migrations import require_current

    if serve is not None:
        refuse_remote(host, allow_remote=allow_remote, served="this endpoint")
        if output is not None:
            raise ConfigurationError("--serve answers requests and writes no file: leave out --output")
        _serve_until_told(host, serve, demo=demo)
        return
    check_output(output)
    with control_plane_of(demo=demo) as logins:
        with session(logins.pipeline) as connection:
            require_current(connection)
        gauges = _gauges(logins.pipeline)
    _write(gauges, output_format, output)


def _gauges(dsn: Dsn) -> tuple[Gauge, ...]:
    from platformkit_pipeline.control_plane.connection import session
    from platformkit_pipeline.operations.expose_metrics import platform_gauges

    with session(dsn) as connection:
        return platform_gauges(connection, datetime.now(UTC))


def _serve_until_told(host: str, port: int, *, demo: bool) -> None:
    """Until a signal comes; a server of our own, started for this, is let go of then."""
    from platformkit_pipeline.cli.signals import until_told
    from platformkit_pipeline.control_plane.connection import session
    from platformkit_pipeline.control_plane.migrations import require_current
    from platformkit_pipeline.operations.serve_metrics import metrics_server
    from platformkit_pipeline.reporting.prometheus import prometheus_text

    with until_told(), control_plane_of(demo=demo) as logins:
        with session(logins.pipeline) as connection:
            require_current(connection)
        with metrics_server(host, port, lambda: prometheus_text(_gauges(logins.pipeline))) as server:
            print(f"metrics: http://{host}:{server.server_address[1]}/metrics; Ctrl-C stops it", file=sys.stderr, flush=True)
            server.serve_forever()


def _write(gauges: tuple[Gauge, ...], output_format: MetricsFormat, output: Path | None) -> None:
    match output_format:
        case MetricsFormat.PROMETHEUS:
            from platformkit_pipeline.reporting.prometheus import prometheus_text

            write_text(prometheus_text(gauges), output)
        case MetricsFormat.JSON:
            told = [
                {"name": g.name, "help": g.help, "samples": [{"labels": dict(s.labels), "value": s.value} for s in g.samples]}
                for g in gauges
            ]
            write_text(json.dumps({"schema_version": _SCHEMA_VERSION, "metrics": told}, ensure_ascii=False, indent=2) + "\n", output)
        case MetricsFormat.TABLE:
            from platformkit_pipeline.cli.listing import print_rows

            rows = [(g.name, ", ".join(f"{k}={v}" for k, v in sorted(s.labels.items())), f"{s.value:g}") for g in gauges for s in g.samples]
            print_rows(("metric", "labels", "value"), rows, output)
