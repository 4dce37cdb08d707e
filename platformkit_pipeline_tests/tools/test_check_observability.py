"""The log lint finds what it is there for, and accepts what is allowed."""

from __future__ import annotations

import pytest

from tools.check_observability import faults_of_module

_IMPORT = "from platformkit_pipeline.control_plane import metrics\n"
CLEAN = """
from platformkit_pipeline.control_plane import metrics
from platformkit_pipeline.logs import get_logger
_log = get_logger("operations.scan")
_log.info("scanned", findings=3)
metrics.record(connection, "scan.objects", 3, "objects")
values = (("scan.duration", 0.5, "seconds"),)
"""


def test_what_is_allowed_is_accepted() -> None:
    assert list(faults_of_module("operations/scan.py", CLEAN)) == []
    assert list(faults_of_module("introspection/postgres/observe.py", 'log = get_logger("introspection.postgres")')) == []
    assert list(faults_of_module("cli/output.py", 'print("warning")')) == []
    assert list(faults_of_module("logs.py", "import logging\nimport structlog\nstream = sys.stderr")) == []
    assert list(faults_of_module("orchestration/jobs.py", 'context.log.error("%s: %s", name, why)')) == []
    assert list(faults_of_module("operations/scan.py", "_log.info('sent', token_env=name, tokens=3)\nos.write(handle, data)")) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("import logging", "imports logging"),
        ("from logging import getLogger", "imports logging"),
        ("from structlog.stdlib import get_logger", "imports structlog"),
        ("print('done')", "print() outside of the command line"),
        ("sys.stderr.write('done')", "sys.stderr.write() outside of the command line"),
        ("_log.info(f'scanned {target}')", "a message is one constant text"),
        ("_log.info('scanned %s', target)", "a message is one constant text"),
        ("log.error(message)", "a message is one constant text"),
        ("_log.warning('')", "a message is one constant text"),
        ("_log = get_logger(__name__)", "the component of a logger is a constant text"),
        ("_log = get_logger('operations.elsewhere')", "component operations.elsewhere is not this module's"),
        ("_log = get_logger('operations')", "component operations is not this module's"),
        (
            _IMPORT + "metrics.record(c, 'scan.misses', 1, 'objects')",
            "not in model/metric.py",
        ),
        (_IMPORT + "x = ('scan.duration', 1, 'minutes')", "measured in seconds"),
        ("log = importlib.import_module('logging')", "imports logging"),
        ("from platformkit_pipeline.logs import structlog", "imports structlog"),
        ("run(tell=print)", "print() outside of the command line"),
        ("builtins.print('done')", "builtins.print() outside of the command line"),
        ("from sys import stderr", "imports stderr outside of the command line"),
        ("stream = sys.stdout", "sys.stdout outside of the command line"),
        ("sys.stdout.buffer.write(b'done')", "outside of the command line"),
        ("sys.__stderr__.writelines(['done'])", "outside of the command line"),
        ("os.write(2, b'done')", "os.write() to the terminal"),
        ("traceback.print_exc()", "traceback.print_exc() outside of the command line"),
        ("from warnings import warn", "imports warn outside of the command line"),
        ("import typer", "imports typer outside of the command line"),
        ("from rich.console import Console", "imports rich.console outside of the command line"),
        ("_log.warn('done')", "is no level"),
        ("_log.log(20, 'done')", "is no level"),
        ("self._log.info(f'scanned {target}')", "a message is one constant text"),
        ("_log.bind(a=1).info(f'scanned {target}')", "a message is one constant text"),
        ("get_logger('operations.scan').info(f'scanned {target}')", "a message is one constant text"),
        ("mine = get_logger('operations.scan')", "a logger is called"),
        ("from platformkit_pipeline.logs import get_logger as made", "get_logger keeps its name"),
        ("_log = logs.get_logger('operations.elsewhere')", "component operations.elsewhere is not this module's"),
        ("_log.info('connected', password=value)", "field password shows a secret"),
        ("_log.info('connected', to=dsn.reveal())", "field to shows a secret"),
        ("_log.info('connected', to=f'{user}:{db_password}')", "field to shows a secret"),
        ("_log.info('connected', to=os.environ['X'])", "field to shows a secret"),
        ("from platformkit_pipeline.control_plane.metrics import record", "metrics are recorded through"),
        ("import platformkit_pipeline.control_plane.metrics as m", "metrics are recorded through"),
    ],
)
def test_what_is_not_structured_is_named_with_its_line(line: str, fault: str) -> None:
    faults = list(faults_of_module("operations/scan.py", line))
    assert len(faults) == 1
    assert fault in faults[0]
    assert faults[0].startswith(f"operations/scan.py:{line.count(chr(10)) + 1}: ")
