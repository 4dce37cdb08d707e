"""Clause 7 as a linter: logs that are structured, metrics that are in the catalogue, documents and dashboards in step.

- Only `logs.py` knows a logging library; nothing but the command line writes to stdout or stderr, under whatever name.
- A message is a constant, values are fields beside it; a component is the module's own room and name; a logger has a name by which
  it is known, so that no line is overlooked. What shows a secret is no field.
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
_LEVELS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log", "msg"}
_LOGGERS = {"log", "_log", "_LOG"}
_LOOKS_LIKE_ONE = _LOGGERS | {"logger", "_logger", "_LOGGER"}
_DAGSTER = {"context.log"}
"""Dagster's own logs are formatted by it, and go to its event log; `service_log` brings them into our form."""
_WRITERS = {"print", "pprint", "breakpoint"}
_WRITING = {("builtins", "print"), ("warnings", "warn")}
_STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
_TERMINALS = {"typer", "click", "rich", "pprint"}
_TRACEBACKS = {"print_exc", "print_exception", "print_last", "print_stack", "print_tb", "print_list"}
_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|secret|token|api_?key|private_?key|credentials?|dsn|authorization)$", re.IGNORECASE
)
_REVEALS = {"reveal", "getenv", "environ"}
_NAME = re.compile(r"[a-z_]+\.[a-z_]+")


def faults_of_module(path: str, text: str) -> Iterator[str]:
    """Of one file of the package, `path` relative to it, for example `operations/scan.py`."""
    tree = ast.parse(text)
    written: set[int] = set()
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        output = [] if line in written else list(_output(path, node))  # `sys.stderr.write` is not told of as `sys.stderr` again
        if output:
            written.add(line)
        for fault in (*_library(path, node), *output, *_message(node), *_component(path, node), *_metrics_import(node)):
            yield f"{path}:{line}: {fault}"
    if _records_metrics(tree):
        yield from (f"{path}:{line}: {fault}" for line, fault in _metrics(tree))


def _library(path: str, node: ast.AST) -> Iterator[str]:
    if path in _ALLOWED:
        return
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom):
        names = [*([] if node.level else [node.module or ""]), *(alias.name for alias in node.names)]
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__"):
        names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant) and isinstance(argument.value, str)]
    for name in names:
        if name.partition(".")[0] in _LIBRARIES:
            yield f"imports {name}: log through platformkit_pipeline.logs.get_logger"


def _output(path: str, node: ast.AST) -> Iterator[str]:
    """Names, not only calls: what is handed on under another name writes as well."""
    if path.startswith("cli/"):
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _WRITERS:
        yield f"{node.id}() outside of the command line: log it, or return it"
    elif isinstance(node, ast.Attribute):
        yield from _written_by_attribute(path, node)
    elif isinstance(node, ast.ImportFrom) and node.module in ("sys", "builtins", "traceback", "warnings"):
        for alias in node.names:
            if alias.name in (*_STREAMS, *_WRITERS, *_TRACEBACKS, "warn"):
                yield f"imports {alias.name} outside of the command line: log it, or return it"
    elif isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        for name in names:
            if name.partition(".")[0] in _TERMINALS and not (isinstance(node, ast.ImportFrom) and node.level):
                yield f"imports {name} outside of the command line, which alone writes to a terminal"
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "os.write" and node.args:
        first = node.args[0]
        if isinstance(first, ast.Constant) and first.value in (1, 2):
            yield "os.write() to the terminal outside of the command line: log it, or return it"


def _written_by_attribute(path: str, node: ast.Attribute) -> Iterator[str]:
    """`logs.py` alone holds the stream that lines go to."""
    if path == "logs.py":
        return
    owner = ast.unparse(node.value)
    streams = {f"sys.{stream}" for stream in _STREAMS}
    if f"{owner}.{node.attr}" in streams:
        yield f"{owner}.{node.attr} outside of the command line: log it, or return it"
    elif owner in streams or (owner, node.attr) in _WRITING or (owner == "traceback" and node.attr in _TRACEBACKS):
        yield f"{owner}.{node.attr}() outside of the command line: log it, or return it"


def _message(node: ast.AST) -> Iterator[str]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LEVELS):
        return
    logger = ast.unparse(node.func.value)
    if logger in _DAGSTER or not _is_logger(node.func.value):
        return
    first = node.args[0] if node.args else None
    if node.func.attr in ("log", "msg", "warn"):
        yield f"{logger}.{node.func.attr}() is no level: debug, info, warning, error"
    elif len(node.args) != 1 or not isinstance(first, ast.Constant) or not isinstance(first.value, str) or not first.value:
        yield "a message is one constant text; values are fields beside it"
    for field in node.keywords:
        if (field.arg and _SECRET.search(field.arg)) or _shows_a_secret(field.value):
            yield f"field {field.arg or '**'} shows a secret: say which one is meant, not what it is"


def _is_logger(node: ast.expr) -> bool:
    """By its name, as an attribute of whatever, bound to fields, or fresh out of `get_logger`."""
    if isinstance(node, ast.Name):
        return node.id in _LOOKS_LIKE_ONE
    if isinstance(node, ast.Attribute):
        return node.attr in _LOOKS_LIKE_ONE
    if isinstance(node, ast.Call):
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in ("bind", "new", "unbind"):
            return _is_logger(called.value)
        return ast.unparse(called).rpartition(".")[2] == "get_logger"
    return False


def _shows_a_secret(value: ast.expr) -> bool:
    for node in ast.walk(value):
        if isinstance(node, ast.Attribute) and (node.attr in _REVEALS or _SECRET.search(node.attr)):
            return True
        if isinstance(node, ast.Name) and _SECRET.search(node.id):
            return True
    return False


def _component(path: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        if any(alias.name == "get_logger" and alias.asname for alias in node.names):
            yield "get_logger keeps its name, by which loggers are found"
        return
    if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call) and _makes_a_logger(node.value):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(not isinstance(target, ast.Name) or target.id not in _LOGGERS for target in targets):
            yield f"a logger is called {', '.join(sorted(_LOGGERS))}, by which its lines are found"
    if not (isinstance(node, ast.Call) and _makes_a_logger(node)):
        return
    given = node.args[0] if node.args else None
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
        yield "the component of a logger is a constant text"
    elif not f"{module}.".startswith(f"{given.value}.") or "." not in given.value:
        yield f"component {given.value} is not this module's: {module}, or the package it is in"


def _makes_a_logger(node: ast.Call) -> bool:
    return ast.unparse(node.func) in ("get_logger", "logs.get_logger", "platformkit_pipeline.logs.get_logger")


def _metrics_import(node: ast.AST) -> Iterator[str]:
    """What records is called `metrics.record`, by which it is found."""
    module, package = "platformkit_pipeline.control_plane.metrics", "platformkit_pipeline.control_plane"
    if isinstance(node, ast.Import):
        hidden = any(alias.name == module for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        hidden = node.module == module or (node.module == package and any(a.name == "metrics" and a.asname for a in node.names))
    else:
        return
    if hidden:
        yield f"metrics are recorded through `from {package} import metrics`, by which they are found"


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
