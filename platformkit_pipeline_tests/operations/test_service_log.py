"""Whatever a service of Dagster's prints becomes a line of our form, and no secret stands in it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import jsonschema
import pytest

from platformkit_pipeline.operations import service_log
from platformkit_pipeline.operations.service_log import LineReader, ServiceLog, secrets_of

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "contracts" / "log-line.schema.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 11, 1, 2, tzinfo=UTC)
RUN = "3f0c9d1e-8a52-4c11-9d3e-0a1b2c3d4e5f"
PASSWORD = 'tr0ub4dor"&3/x'
QUOTED = quote(PASSWORD, safe="")
ENVIRONMENT = {
    "PLATFORMKIT_DAGSTER_DATABASE_URL": f"postgresql+psycopg2://user:{QUOTED}@db:5432/dagster",
    "GITHUB_TOKEN": "planted-value-1",
    "HOME": "/root",
}


def read(*lines: str) -> list[dict[str, object]]:
    reader = LineReader("dagster-daemon", secrets_of(ENVIRONMENT))
    found = [json.loads(line) for text in lines if (line := reader.read(text, NOW))]
    for line in found:
        jsonschema.validate(line, SCHEMA)
    return found


def test_every_way_of_printing_becomes_a_structured_line() -> None:
    times = {"timestamp": "2026-11-01T01:59:00.5Z", "level": "info"}
    dagster = json.dumps({"event": f"Launching run {RUN}", "logger": "dagster.daemon.QueuedRunCoordinatorDaemon", **times})
    colours = "\x1b[32m2026-11-01 03:00:00 +0100\x1b[0m - dagster - \x1b[31mERROR\x1b[0m"
    plain = f"{colours} - scan_target - {RUN} - 7 - STEP_FAILURE - failed"
    ids = {"component": "operations.scan", "run_id": RUN, "metadata": {"n": 1}}
    ours = json.dumps({"ts": "2026-11-01T01:00:00.000Z", "level": "WARN", "message": "late", **ids})
    first, second, third, fourth, fifth, sixth = read(
        dagster, plain, "Traceback (most recent call last):", "", ours, "INFO:     Started server process [7]", "[1, 2]"
    )
    assert (first["ts"], first["level"], first["run_id"]) == ("2026-11-01T01:59:00.500Z", "INFO", RUN)
    assert first["metadata"] == {"logger": "dagster.daemon.QueuedRunCoordinatorDaemon"}
    assert (second["ts"], second["level"], second["run_id"], second["component"]) == (
        "2026-11-01T02:00:00.000Z",
        "ERROR",
        RUN,
        "dagster-daemon",
    )
    assert (third["level"], third["message"], third["metadata"]) == ("ERROR", "Traceback (most recent call last):", {"unstructured": True})
    assert fourth == json.loads(ours)
    assert (fifth["level"], fifth["message"]) == ("INFO", "Started server process [7]")
    assert (sixth["level"], sixth["message"]) == ("INFO", "[1, 2]")


@pytest.mark.parametrize(
    "text",
    [
        f"could not connect with {PASSWORD}",
        json.dumps({"event": f"could not connect with {PASSWORD}", "level": "error", "exception": f"password is {PASSWORD}"}),
        f"2026-11-01 03:00:00 +0100 - dagster - ERROR - {ENVIRONMENT['PLATFORMKIT_DAGSTER_DATABASE_URL']}",
        f"postgresql://other:{QUOTED}@elsewhere/db",
        "token planted-value-1",
    ],
)
def test_no_secret_of_the_environment_is_kept(text: str) -> None:
    kept = json.dumps(read(text))
    for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], "tr0ub4dor", "planted-value-1"):
        assert secret not in kept


def test_a_child_is_read_to_its_end_and_a_large_file_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_log, "LIMIT_BYTES", 4000)
    path = tmp_path / "child.log"
    code = "import sys\nfor i in range(100): print('line', i, flush=True)\nsys.stderr.write('last without end')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        ServiceLog("dagster-daemon", path).keep(child.stdout).join(60)
    assert path.stat().st_size < 5000
    kept = [json.loads(line)["message"] for file in (path.with_suffix(".log.1"), path) for line in file.read_text().splitlines()]
    assert kept[-2:] == ["line 99", "last without end"]
    assert kept == [*[f"line {i}" for i in range(100)][-len(kept) + 1 :], "last without end"]


@pytest.mark.parametrize(
    "text",
    [
        "9999-99-99 99:99:99 +9999 - dagster - INFO - words",
        "0001-01-01 00:00:00 +2359 - dagster - INFO - words",
        '{"event": ' + "[" * 30_000,
        '{"event": "words", "timestamp": "0001-01-01T00:00:00+10:00"}',
        '{"event": "words", "timestamp": 5}',
        json.dumps({"ts": "yesterday", "level": "INFO", "component": "x", "message": "words", "metadata": {}}),
    ],
)
def test_what_only_looks_like_a_line_is_kept_as_words_and_stops_nobody(text: str) -> None:
    (line,) = read(text)
    assert line["metadata"] == {"unstructured": True}
    assert line["message"] == text
