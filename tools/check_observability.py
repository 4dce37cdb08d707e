"""Clause 7 as a linter: logs that are structured, metrics that are in the catalogue, documents and dashboards in step.

- Only `logs.py` knows a logging library; nothing but the command line writes to stdout or stderr.
- A message is a constant, values are fields beside it; a component is the module's own room and name.
- What is recorded as a metric is in `model/metric.py`, with the unit it has there, and `docs/metrics.md` says the same.
- `deploy/dashboards/*.json` are what `tools/dashboards.py` makes.

Prints one line per fault and ends with 1, else prints one line and ends with 0. `--write` makes the documents anew.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from platformkit_pipeline.model.metric import CATALOGUE, Metric
from tools.dashboards import DASHBOARDS, dashboard_text

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "platformkit_pipeline"
METRICS_PAGE = ROOT / "docs" / "metrics.md"
DASHBOARD_FOLDER = ROOT / "deploy" / "dashboards"

_LIBRARIES = {"logging", "structlog", "loguru", "coloredlogs"}
_ALLOWED = {"logs.py", "parity/data/expectations.py"}
"""The second quiets a library of its own accord and writes nothing."""
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "fatal"}
_LOGGERS = {"log", "_log", "_LOG", "logger", "_logger"}
_NAME = re.compile(r"[a-z_]+\.[a-z_]+")


def faults_of_module(path: str, text: str) -> Iterator[str]:
    """Of one file of the package, `path` relative to it, for example `operations/scan.py`."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for fault in (*_library(path, node), *_output(path, node), *_message(node), *_component(path, node)):
            yield f"{path}:{getattr(node, 'lineno', 0)}: {fault}"
    if _records_metrics(tree):
        yield from (f"{path}:{line}: {fault}" for line, fault in _metrics(tree))


def _library(path: str, node: ast.AST) -> Iterator[str]:
    if path in _ALLOWED:
        return
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module or ""]
    for name in names:
        if name.partition(".")[0] in _LIBRARIES:
            yield f"imports {name}: log through platformkit_pipeline.logs.get_logger"


def _output(path: str, node: ast.AST) -> Iterator[str]:
    if path.startswith("cli/") or not isinstance(node, ast.Call):
        return
    called = ast.unparse(node.func)
    if called in ("print", "pprint", "pprint.pprint", "sys.stdout.write", "sys.stderr.write", "warnings.warn"):
        yield f"{called}() outside of the command line: log it, or return it"


def _message(node: ast.AST) -> Iterator[str]:
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in _LOGGERS
    ):
        first = node.args[0] if node.args else None
        if len(node.args) != 1 or not isinstance(first, ast.Constant) or not isinstance(first.value, str) or not first.value:
            yield "a message is one constant text; values are fields beside it"


def _component(path: str, node: ast.AST) -> Iterator[str]:
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "get_logger"):
        return
    given = node.args[0] if node.args else None
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
        yield "the component of a logger is a constant text"
    elif not f"{module}.".startswith(f"{given.value}.") or "." not in given.value:
        yield f"component {given.value} is not this module's: {module}, or the package it is in"


def _records_metrics(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "platformkit_pipeline.control_plane"
        and any(alias.name == "metrics" for alias in node.names)
        for node in ast.walk(tree)
    )


def _metrics(tree: ast.Module) -> Iterator[tuple[int, str]]:
    known = {metric.name: metric for metric in CATALOGUE}
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            parts = node.elts
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "metrics.record":
            parts = node.args
        else:
            continue
        texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if len(parts) < 3 or not texts or not _NAME.fullmatch(texts[0]):
            continue
        metric = known.get(texts[0])
        if metric is None:
            yield node.lineno, f"metric {texts[0]} is not in model/metric.py"
        elif metric.unit not in texts[1:]:
            yield node.lineno, f"metric {texts[0]} is measured in {metric.unit}"


def metrics_page() -> str:
    """`docs/metrics.md`."""
    lines = [
        "# Metrics",
        "",
        "Every measurement in `ops.metrics` (clause 7.2), made from `platformkit_pipeline/model/metric.py`. In Prometheus `scan.duration`",
        "is `platformkit_scan_duration_seconds`: dots become underscores, and seconds and percent are said at the end.",
        "",
        "| Metric | Unit | Labels | What it tells | Recorded by |",
        "| --- | --- | --- | --- | --- |",
        *map(_row, CATALOGUE),
    ]
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    return f"| `{metric.name}` | {metric.unit} | {labels} | {metric.meaning} | `{metric.source}` |"


def _documents() -> Iterator[tuple[Path, str]]:
    yield METRICS_PAGE, metrics_page()
    for name in DASHBOARDS:
        yield DASHBOARD_FOLDER / f"{name}.json", dashboard_text(name)


def _faults() -> Iterator[str]:
    for file in sorted(PACKAGE.rglob("*.py")):
        path = file.relative_to(PACKAGE).as_posix()
        if not path.startswith("sandbox/sample_repository/"):  # a repository of somebody else's, to be judged
            yield from faults_of_module(path, file.read_text(encoding="utf-8"))
    for metric in CATALOGUE:
        if not (PACKAGE / metric.source).is_file():
            yield f"model/metric.py: {metric.name} is recorded by {metric.source}, which is not there"
    for file, text in _documents():
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            yield f"{file.relative_to(ROOT)}: not what the code says; run python -m tools.check_observability --write"


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        for file, text in _documents():
            file.write_text(text, encoding="utf-8")
    faults = list(_faults())
    for fault in faults:
        print(fault)
    if not faults:
        print(f"observability: {len(CATALOGUE)} metrics, {len(DASHBOARDS)} dashboards, every log line structured")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
