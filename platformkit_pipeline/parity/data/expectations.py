"""Great Expectations on PostgreSQL: suites that run in the server, read only, under a statement timeout.

The connection string stays in this module: the library gets an engine, never an address, so nothing it says can repeat one. The library
is imported where it is used, because that costs seconds.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from platformkit_pipeline.introspection.postgres.connection import APPLICATION_NAME, location_of
from platformkit_pipeline.model.dsn import Dsn, redact
from platformkit_pipeline.model.errors import TargetUnreachable
from platformkit_pipeline.model.yaml_document import Path
from platformkit_pipeline.parity.data.row_checks import Expectation, RowCheck

if TYPE_CHECKING:
    from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext
    from great_expectations.validator.validator import Validator
    from sqlalchemy import Connection, Engine

_IN_SQL = """
    expect_column_max_to_be_between expect_column_mean_to_be_between expect_column_median_to_be_between expect_column_min_to_be_between
    expect_column_pair_values_a_to_be_greater_than_b expect_column_pair_values_to_be_equal
    expect_column_proportion_of_non_null_values_to_be_between expect_column_proportion_of_unique_values_to_be_between
    expect_column_stdev_to_be_between expect_column_sum_to_be_between expect_column_unique_value_count_to_be_between
    expect_column_value_lengths_to_be_between expect_column_value_lengths_to_equal expect_column_values_to_be_between
    expect_column_values_to_be_in_set expect_column_values_to_be_null expect_column_values_to_be_unique
    expect_column_values_to_match_like_pattern expect_column_values_to_match_like_pattern_list expect_column_values_to_match_regex
    expect_column_values_to_match_regex_list expect_column_values_to_not_be_in_set expect_column_values_to_not_be_null
    expect_column_values_to_not_match_like_pattern expect_column_values_to_not_match_like_pattern_list
    expect_column_values_to_not_match_regex expect_column_values_to_not_match_regex_list expect_compound_columns_to_be_unique
    expect_multicolumn_sum_to_equal expect_select_column_values_to_be_unique_within_record expect_table_row_count_to_be_between
    expect_table_row_count_to_equal
"""
IN_SQL = frozenset(_IN_SQL.split())
"""Expectations whose work the server does, and which fetch counts and a bounded sample. The others would pull rows or distinct values."""

_NOT_OURS = frozenset({"batch_id", "row_condition", "condition_parser"})
_LONGEST_SERVER_MESSAGE = 200
_CONNECT_SECONDS = 10
_LOST = "the connection to the database was lost"
_NOT_EVALUATED = "Great Expectations could not evaluate it on this table"
_LIMITS = "set transaction read only; set local row_security = off; set local statement_timeout = %(ms)s; set local lock_timeout = %(ms)s"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the database answered. `problem` says why it could not; the rest means nothing then."""

    success: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Of Great Expectations: element_count, unexpected_count, missing_count, observed_value, where it has them."""
    sample: tuple[Any, ...] = ()
    problem: str | None = None


def quiet_context() -> AbstractDataContext:
    """An ephemeral context of Great Expectations: no files, no progress bars, no analytics."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)  # they would fill stderr
    return context


def faults_of_expectations(checks: Iterable[RowCheck]) -> Iterator[tuple[Path, str]]:
    """Path and sentence for each expectation that Great Expectations does not know, or whose arguments it refuses."""
    for check in checks:
        expectation = check.expectation
        if expectation is not None:
            where = expectation.kwargs_path or check.path
            yield from ((check.path if not step else (*where, *step), told) for step, told in _faults(expectation))


def _faults(expectation: Expectation) -> Iterator[tuple[Path, str]]:
    import great_expectations.expectations as gxe
    from great_expectations.expectations.expectation import Expectation as Base

    found = getattr(gxe, _class_name(expectation.type), None)
    if not (isinstance(found, type) and issubclass(found, Base)):
        near = get_close_matches(expectation.type, IN_SQL, n=1)
        yield (), f"{expectation.type} is no expectation of Great Expectations{f'; did you mean {near[0]}?' if near else ''}"
        return
    if expectation.type not in IN_SQL:
        told = f"would pull rows out of the database: write a rule of type sql, or one of {', '.join(sorted(IN_SQL))}"
        yield (), f"{expectation.type} is not run here, because it {told}"
        return
    fields: Mapping[str, Any] = found.__fields__
    known = sorted(set(fields) - set(Base.__fields__) - _NOT_OURS)
    unknown = [key for key in expectation.kwargs if key not in known]
    for key in unknown:
        yield (key,), f"{expectation.type} has no argument of this name; it has {', '.join(known)}"
    if unknown:
        return
    try:
        found(**expectation.kwargs)
    except Exception as error:  # the class of its errors is that of the pydantic that the library carries along
        yield from _refusals(error)


def _refusals(error: Exception) -> Iterator[tuple[Path, str]]:
    details = error.errors() if hasattr(error, "errors") else [{"loc": (), "msg": f"is refused ({type(error).__name__})"}]
    told: dict[Path, list[str]] = {}
    for detail in details:
        steps = tuple(step for step in detail["loc"] if step != "__root__") or ("",)
        told.setdefault(steps, []).append(redact(str(detail["msg"])))
    for steps, messages in told.items():  # one per type that the argument may have
        yield steps, ", or ".join(messages)


def _class_name(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


class Rows:
    """The rows of one database. Every transaction is read only and under the timeout, and refuses to leave rows out silently.

    Nothing is set for longer than a transaction, so that a pooler may sit between.
    """

    def __init__(self, engine: Engine, timeout_seconds: float) -> None:
        self._engine = engine
        self._timeout = timeout_seconds
        self._validators: dict[tuple[str, str], Validator] = {}
        self._refusal: str | None = None
        self._listen()

    def hidden(self, schema: str, relation: str) -> str | None:
        """Why the login does not see all rows of a relation; None when it does, as far as the relation itself goes."""
        from sqlalchemy import text

        query = text(
            "select pg_catalog.row_security_active(c.oid), pg_catalog.has_any_column_privilege(c.oid, 'SELECT'), current_user "
            "from pg_catalog.pg_class as c where c.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = :schema) "
            "and c.relname = :relation and pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')"
        )
        named = {"schema": schema, "relation": relation}
        rows, problem = self._fetch(lambda connection: connection.execute(query, named))
        if problem:
            return problem
        if not rows or not rows[0][1]:
            return f"the login may not read {schema}.{relation}: grant it SELECT, and USAGE of the schema"
        if rows[0][0]:
            return (
                f"row level security hides rows of {schema}.{relation} from the login {rows[0][2]}: "
                "measure with a login that owns the table or has BYPASSRLS"
            )
        return None

    def expect(self, schema: str, relation: str, expectation: Expectation, sample: int) -> Measured:
        """Hold the rows of a relation against one expectation, and fetch up to `sample` values that break it."""
        import great_expectations.expectations as gxe

        self._refusal = None
        made = getattr(gxe, _class_name(expectation.type))(**expectation.kwargs)
        wanted = {"result_format": "SUMMARY", "partial_unexpected_count": sample}
        try:
            (said,) = self._validator(schema, relation).graph_validate(
                configurations=[made.configuration], runtime_configuration={"result_format": wanted, "catch_exceptions": True}
            )
        except Exception:
            return Measured(problem=self._why(_NOT_EVALUATED))
        if _raised(said.exception_info):
            return Measured(problem=self._why(_NOT_EVALUATED))
        result = dict(said.result)
        values = tuple(result.pop("partial_unexpected_list", None) or ())[:sample]
        return Measured(success=bool(said.success), figures=result, sample=values)

    def value(self, query: str) -> Measured:
        """The single value that a query gives, as the figure `value`."""
        # as it stands: to the driver a percent sign would begin a parameter
        rows, problem = self._fetch(lambda connection: connection.exec_driver_sql(query.replace("%", "%%")))
        if problem:
            return Measured(problem=problem)
        if len(rows) != 1 or len(rows[0]) != 1:
            return Measured(problem="the query does not give exactly one value")
        return Measured(figures={"value": rows[0][0]})

    def _fetch(self, ask: Callable[[Connection], Any]) -> tuple[list[Any], str | None]:
        """Up to two rows of what `ask` asks, or why there are none."""
        import psycopg2
        from sqlalchemy.exc import SQLAlchemyError

        self._refusal = None
        try:
            with self._engine.connect() as connection:
                # a server-side cursor: what is not fetched stays there
                return list(ask(connection.execution_options(stream_results=True)).fetchmany(2)), None
        except (SQLAlchemyError, psycopg2.Error):  # the driver's own where a transaction cannot even begin
            return [], self._why(_LOST)

    def _why(self, otherwise: str) -> str:
        """What the server refused last, if it was the server."""
        return self._refusal or otherwise

    def _validator(self, schema: str, relation: str) -> Validator:
        from great_expectations.core.batch import Batch
        from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
        from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
        from great_expectations.validator.validator import Validator

        name = (schema, relation)
        if name not in self._validators:
            engine = SqlAlchemyExecutionEngine(engine=self._engine, create_temp_table=False)
            data: Any = SqlAlchemyBatchData(execution_engine=engine, schema_name=schema, table_name=relation, create_temp_table=False)
            self._validators[name] = Validator(execution_engine=engine, batches=[Batch(data=data)], data_context=quiet_context())
        return self._validators[name]

    def _listen(self) -> None:
        from sqlalchemy import event

        milliseconds = max(1, int(self._timeout * 1000))

        def begin(connection: Any) -> None:
            with connection.connection.cursor() as cursor:
                cursor.execute(_LIMITS, {"ms": milliseconds})

        def refused(context: Any) -> None:
            self._refusal = self._refusal or self._told(context.original_exception)

        def before(*_: Any) -> None:
            if self._refusal:  # the library tries what failed six times over, each under the timeout
                raise RuntimeError("already refused")

        event.listen(self._engine, "begin", begin)
        event.listen(self._engine, "handle_error", refused)
        event.listen(self._engine, "before_cursor_execute", before)

    def _told(self, error: BaseException) -> str:
        """What a refusal of the server means. Only messages about names are repeated: others may quote values of rows."""
        code = str(getattr(error, "pgcode", None) or "")
        if not code:
            return _LOST
        known = {
            "57014": f"did not finish within {self._timeout:g} s",
            "55P03": f"waited longer than {self._timeout:g} s for a lock",
            "25006": "would write; rows are only read here",
            "42501": "the login may not read all that this needs, or row level security would hide rows from it",
        }
        if code in known:
            return known[code]
        diagnostics = getattr(error, "diag", None)
        # without a place in the text it was raised while rows were read: a cast to regclass quotes what it cannot find
        if code.startswith("42") and getattr(diagnostics, "statement_position", None) is not None:
            message = str(getattr(diagnostics, "message_primary", "") or code)
            return f"does not fit the database: {redact(message)[:_LONGEST_SERVER_MESSAGE]}"
        if code.startswith("22"):
            return f"cannot be computed on these values (SQLSTATE {code})"
        return f"the server refused it (SQLSTATE {code})"


@contextmanager
def rows_of(dsn: Dsn, timeout_seconds: float) -> Iterator[Rows]:
    """The rows of a database, on one connection that is closed at the end. Raises ConfigurationError and TargetUnreachable."""
    import psycopg2
    import psycopg2.extensions
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SAWarning
    from sqlalchemy.pool import StaticPool

    location = location_of(dsn)
    try:
        given = psycopg2.extensions.parse_dsn(dsn.reveal())
        connection = psycopg2.connect(
            dsn.reveal(),
            application_name=APPLICATION_NAME,
            client_encoding="utf8",
            connect_timeout=given.get("connect_timeout") or _CONNECT_SECONDS,
            options=given.get("options") or "",  # an empty value keeps PGOPTIONS out: poolers refuse startup options
        )
    except psycopg2.Error as error:
        raise TargetUnreachable(f"{location}: the login was refused, or nothing answers ({type(error).__name__})") from None
    engine = create_engine("postgresql+psycopg2://", creator=lambda: connection, poolclass=StaticPool)
    library = logging.getLogger("great_expectations")
    level = library.level
    library.setLevel(logging.CRITICAL + 1)  # it logs what it could not evaluate, values included
    try:
        with warnings.catch_warnings():
            # types of extensions and domains: no expectation needs to know them
            warnings.filterwarnings("ignore", "Did not recognize type", SAWarning)
            yield Rows(engine, timeout_seconds)
    finally:
        library.setLevel(level)
        engine.dispose()
        connection.close()


def _raised(information: Mapping[str, Any] | None) -> bool:
    if not information:
        return False
    if "raised_exception" in information:
        return bool(information["raised_exception"])
    return any(isinstance(each, Mapping) and each.get("raised_exception", True) for each in information.values())
