"""What is measured, what is rolled up, and what Prometheus is told of it."""

from __future__ import annotations

import io
import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
import structlog

from platformkit_pipeline.control_plane import targets
from platformkit_pipeline.control_plane.connection import Connection, session
from platformkit_pipeline.logs import configure_logging
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.errors import ControlPlaneError
from platformkit_pipeline.model.metric import CATALOGUE
from platformkit_pipeline.operations.expose_metrics import platform_gauges
from platformkit_pipeline.operations.measured import measured
from platformkit_pipeline.operations.roll_up_metrics import roll_up_metrics
from platformkit_pipeline.operations.serve_metrics import metrics_server
from platformkit_pipeline.reporting.prometheus import CONTENT_TYPE, Gauge, Sample, prometheus_text
from platformkit_pipeline_tests.fleet_history import FIRST_NIGHT, HOSTILE, fleet, nights_behind

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
_VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|NaN|[+-]Inf")
_UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Parsed = dict[str, dict[frozenset[tuple[str, str]], float]]


def parsed(text: str) -> Parsed:
    """Text format 0.0.4, read strictly: HELP and TYPE once and first, no sample twice, nothing else."""
    found: Parsed = {}
    assert text.endswith("\n")
    lines = iter(text[:-1].split("\n"))
    name = ""
    for line in lines:
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in found, f"{name} stands in two places"
            assert next(lines) == f"# TYPE {name} gauge"
            assert _NAME.fullmatch(name)
            found[name] = {}
            continue
        head, _, value = line.rpartition(" ")
        sample, brace, labels = head.partition("{")
        assert sample == name
        assert _VALUE.fullmatch(value), line
        pairs: dict[str, str] = {}
        rest = labels.removesuffix("}")
        assert bool(brace) == head.endswith("}")
        while rest:
            match = _LABEL.match(rest)
            assert match, line
            assert match[1] not in pairs
            pairs[match[1]] = re.sub(r'\\[\\"n]', lambda m: _UNESCAPED[m[0]], match[2])
            rest = rest[match.end() :].removeprefix(",")
        key = frozenset(pairs.items())
        assert key not in found[name], f"one sample twice: {line}"
        found[name][key] = float(value)
    return found


def test_the_endpoint_tells_the_latest_of_everything_whatever_targets_are_called(pipeline: Connection, pipeline_dsn: Dsn) -> None:
    now = nights_behind(pipeline)

    def text() -> str:
        with session(pipeline_dsn) as connection:
            return prometheus_text(platform_gauges(connection, now))

    server = metrics_server("127.0.0.1", 0, text)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        answer, missing = httpx.get(f"{url}/metrics"), httpx.get(f"{url}/")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert (answer.status_code, answer.headers["content-type"], missing.status_code) == (200, CONTENT_TYPE, 404)
    assert answer.text == text(), "the same state and time give the same bytes"
    found = parsed(answer.text)
    names = {dict(labels)["target"] for labels in found["platformkit_target_score_percent"]}
    assert {name.replace("\u2028", " ") for name in (t.name for t in fleet())} == names
    of_hostile = frozenset({"target": HOSTILE.replace("\u2028", " "), "kind": "supabase_project", "environment": "staging"}.items())
    assert found["platformkit_target_scan_age_seconds"][of_hostile] == 3600
    assert found["platformkit_targets"][frozenset()] == 3
    assert found["platformkit_alerts_raised"] == {frozenset({("kind", "scan.failed"), ("severity", "high")}): 1}
    assert found["platformkit_prove_error_rate_percent"] == {frozenset(): 100}
    assert found["platformkit_plan_error_rate_percent"] == {frozenset(): 0}
    assert set(found["platformkit_gate_open"].values()) == {0}
    assert found["platformkit_outbox_pending"][frozenset()] == 1


def test_whoever_hangs_up_and_a_fault_of_ours_are_lines_of_the_log_without_a_secret(capfd: pytest.CaptureFixture[str]) -> None:
    word, ready, go, log = "hunter" + "2-9317", threading.Event(), threading.Event(), io.StringIO()

    def text() -> str:
        if go.is_set():
            raise RuntimeError(f"postgresql://kim:{word}@db/x")
        ready.set()
        time.sleep(0.3)
        return "a 1\n" * 1_000_000

    server = metrics_server("127.0.0.1", 0, text)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    configure_logging("DEBUG", log)
    try:
        with socket.create_connection(("127.0.0.1", server.server_port)) as caller:
            caller.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert ready.wait(10)
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset instead of a farewell
        go.set()
        failed = httpx.get(f"http://127.0.0.1:{server.server_address[1]}/metrics")
        until = time.monotonic() + 20
        while "request was given up" not in log.getvalue() and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        configure_logging()
        structlog.reset_defaults()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert failed.status_code == 500
    assert {"request was given up", "metrics cannot be told"} <= {line["message"] for line in lines}
    assert word not in log.getvalue() + failed.text
    assert capfd.readouterr().err == ""


def test_what_is_stored_is_in_the_catalogue_with_its_unit_and_labels(pipeline: Connection) -> None:
    nights_behind(pipeline, nights=2)
    rows = pipeline.execute("select distinct name, unit, array(select jsonb_object_keys(labels)) from ops.metrics").fetchall()
    known = {metric.name: metric for metric in CATALOGUE}
    assert len(known) == len(CATALOGUE)
    assert len(rows) > 20
    for name, unit, labels in rows:
        assert known[name].unit == unit, name
        assert set(labels) <= set(known[name].labels), name


def test_an_operation_that_fails_is_measured_and_its_error_is_what_the_caller_sees(pipeline: Connection, pipeline_dsn: Dsn) -> None:
    shop = fleet(2)[1]
    with pipeline.transaction():
        targets.sync(pipeline, [shop])

    @contextmanager
    def away() -> Iterator[Connection]:
        if not pipeline.closed:
            raise ControlPlaneError("control plane: refused")
        yield pipeline

    for opener in (lambda: session(pipeline_dsn), away):
        with pytest.raises(ValueError, match="mine"), measured(opener, "scan", target=shop, run_id="r1"):
            raise ValueError("mine")
    with measured(lambda: session(pipeline_dsn), "scan", target=shop):
        pass
    rows = pipeline.execute("select name, labels ->> 'outcome', run_id, target_id is not null from ops.metrics").fetchall()
    assert Counter(rows) == {
        ("scan.duration", "failure", "r1", True): 1,
        ("scan.count", "failure", "r1", True): 1,
        ("scan.count", "success", None, True): 1,  # the operation tells the duration of a success itself
    }


def test_a_day_is_rolled_up_once_and_the_next_day_anew(pipeline: Connection) -> None:
    now = nights_behind(pipeline, nights=2)
    again, later = roll_up_metrics(pipeline, now + timedelta(hours=2)), roll_up_metrics(pipeline, now + timedelta(days=3))
    assert again.stored == 0
    assert {rate.operation: (rate.count, rate.failed) for rate in again.rates} == {"plan": (1, 0), "gate": (1, 0), "prove": (1, 1)}
    assert (later.rates, later.stale, later.targets) == ((), 3, 3)
    assert later.stored == 10
    assert now.date() == FIRST_NIGHT.date() + timedelta(days=1)


def test_numbers_are_written_as_the_format_wants_them() -> None:
    gauge = Gauge("g", "a\nb\\c", tuple(Sample(v, {"n": str(i)}) for i, v in enumerate((0.1, 3.0, 1e300, float("inf"), -0.0))))
    assert list(parsed(prometheus_text([gauge, Gauge("none", "", ())]))["g"].values()) == [0.1, 3, 1e300, float("inf"), 0]
