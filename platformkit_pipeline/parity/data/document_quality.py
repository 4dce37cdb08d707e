"""The `quality` entries of a data contract: what its rows must keep."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, WithJsonSchema, model_validator

from platformkit_pipeline.parity.data.document_parts import Part, ReadPast, SeverityName, Text
from platformkit_pipeline.sqltext.journeys import escape_in
from platformkit_pipeline.sqltext.parser import SqlSyntaxError, kind, parse_statement

Number = int | float
Scalar = int | float | bool | str | None
Metric = Literal["rowCount", "nullValues", "missingValues", "invalidValues", "duplicateValues"]
GREAT_EXPECTATIONS = frozenset({"greatexpectations", "gx"})

_OPERATORS = {
    "mustBe": "be",
    "mustNotBe": "not be",
    "mustBeGreaterThan": "be greater than",
    "mustBeGreaterOrEqualTo": "be at least",
    "mustBeLessThan": "be less than",
    "mustBeLessOrEqualTo": "be at most",
    "mustBeBetween": "be between",
    "mustNotBeBetween": "not be between",
}


class Arguments(Part):
    """Arguments of a metric of the library."""

    validValues: tuple[Scalar, ...] | None = Field(None, description="invalidValues: the values that are valid.")
    pattern: Text | None = Field(None, description="invalidValues: what valid values match, as a regular expression of PostgreSQL.")
    missingValues: tuple[Scalar, ...] | None = Field(None, description="missingValues: what stands for no value; null is one of them.")
    properties: tuple[Text, ...] | None = Field(None, description="duplicateValues: the columns that are unique together.")


class Implementation(NamedTuple):
    """An expectation of Great Expectations and its arguments, by the names they have there."""

    type: str
    kwargs: Mapping[str, Any]


_IMPLEMENTATION = WithJsonSchema(
    {
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "examples": ["expect_column_values_to_be_between"]},
                    "kwargs": {"type": "object"},
                },
            },
            {"type": "string"},
            {"type": "null"},
        ],
        "description": "Of Great Expectations: type and kwargs. Of other engines: whatever they want.",
    }
)


class Quality(Part):
    """One rule about rows. `type: text` is for people; the others are one check each."""

    id: ReadPast = None
    name: Text | None = Field(None, description="Names the check in every run; needed where two rules would have the same name.")
    description: ReadPast = None
    type: Literal["text", "library", "sql", "custom"] | None = None
    metric: Metric | None = None
    rule: ReadPast = None
    arguments: Arguments | None = None
    unit: Literal["rows", "percent"] | None = None
    mustBe: Scalar = None
    mustNotBe: Scalar = None
    mustBeGreaterThan: Number | None = None
    mustBeGreaterOrEqualTo: Number | None = None
    mustBeLessThan: Number | None = None
    mustBeLessOrEqualTo: Number | None = None
    mustBeBetween: Annotated[tuple[Number, Number] | None, Field()] = None
    mustNotBeBetween: Annotated[tuple[Number, Number] | None, Field()] = None
    query: Text | None = Field(None, description="type: sql. One SELECT that gives one value; ${table} and ${column} are filled in.")
    engine: Text | None = Field(None, description="type: custom. greatExpectations is run here.")
    implementation: Annotated[Any, _IMPLEMENTATION] = None
    severity: SeverityName | None = None
    dimension: ReadPast = None
    method: ReadPast = None
    businessImpact: ReadPast = None
    schedule: ReadPast = None
    scheduler: ReadPast = None
    tags: ReadPast = None
    customProperties: ReadPast = None
    authoritativeDefinitions: ReadPast = None

    @property
    def kind(self) -> str:
        """`library` where the file does not say: that is the standard's default."""
        return self.type or ("library" if self.query is None and self.engine is None else "sql" if self.query else "custom")

    @property
    def operator(self) -> tuple[str, Any] | None:
        """The comparison and what is compared with; None where the file gives none."""
        return next(((name, getattr(self, name)) for name in _OPERATORS if name in self.model_fields_set), None)

    @property
    def expectation(self) -> Implementation:
        """Of a custom rule that runs here."""
        return _expectation_in(self.implementation)

    @property
    def runs_here(self) -> bool:
        return self.kind != "custom" or (self.engine or "").lower().replace("-", "").replace("_", "") in GREAT_EXPECTATIONS

    @model_validator(mode="after")
    def _is_one_rule(self) -> Quality:
        if sum(name in self.model_fields_set for name in _OPERATORS) > 1:
            raise ValueError("one comparison (mustBe, mustBeLessThan, ...) per rule; write two rules")
        match self.kind:
            case "library":
                self._check_metric()
            case "sql":
                self._check_query()
            case "custom":
                self._check_engine()
        return self

    def _check_metric(self) -> None:
        if self.metric is None:
            raise ValueError("a rule of the library needs a metric: rowCount, nullValues, missingValues, invalidValues or duplicateValues")
        self._check_operator_is_of_numbers()
        given = self.arguments.model_fields_set if self.arguments else set()
        allowed = {
            "invalidValues": {"validValues", "pattern"},
            "missingValues": {"missingValues"},
            "duplicateValues": {"properties"},
        }.get(self.metric, set())
        if unknown := sorted(given - allowed):
            raise ValueError(f"{self.metric} has no argument {', '.join(unknown)}")
        if self.metric == "invalidValues" and len(given) != 1:
            raise ValueError("invalidValues needs the argument validValues or pattern, and not both")
        if self.metric == "missingValues" and not (self.arguments and self.arguments.missingValues):
            raise ValueError("missingValues needs the argument missingValues: the list of what stands for no value")
        if self.metric == "rowCount" and (self.operator is None or self.unit == "percent"):
            raise ValueError("rowCount needs a comparison, in rows")

    def _check_query(self) -> None:
        if self.query is None or self.operator is None:
            raise ValueError("a rule of type sql needs a query and a comparison")
        one_select(self.query)

    def _check_engine(self) -> None:
        if self.engine is None or self.implementation is None:
            raise ValueError("a rule of type custom needs engine and implementation")
        if self.runs_here:
            _expectation_in(self.implementation)

    def _check_operator_is_of_numbers(self) -> None:
        if self.operator is None:
            return
        value = self.operator[1]
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError("a metric is compared with a number")

    def satisfied_by(self, value: Any) -> bool:
        """Whether the figure of a metric or the value of a query is as the rule wants it. Without a comparison: it is zero."""
        name, wanted = self.operator or ("mustBe", 0)
        figure = _exact(value)
        if name in ("mustBe", "mustNotBe"):
            return bool(figure == _exact(wanted)) is (name == "mustBe")
        if not isinstance(figure, Fraction):
            return False
        low, high = (Fraction(str(number)) for number in (wanted if isinstance(wanted, tuple) else (wanted, wanted)))
        match name:
            case "mustBeGreaterThan":
                return figure > low
            case "mustBeGreaterOrEqualTo":
                return figure >= low
            case "mustBeLessThan":
                return figure < high
            case "mustBeLessOrEqualTo":
                return figure <= high
        return (low <= figure <= high) is (name == "mustBeBetween")

    @property
    def wanted(self) -> str:
        """What follows `must`: `be at most 5`."""
        name, value = self.operator or ("mustBe", 0)
        text = f"{value[0]} and {value[1]}" if isinstance(value, tuple) else str(value)
        return f"{_OPERATORS[name]} {text}" + (" percent" if self.unit == "percent" else "")


def _expectation_in(value: Any) -> Implementation:
    """Raises ValueError."""
    if isinstance(value, dict) and value.keys() <= {"type", "kwargs"}:
        name, kwargs = value.get("type"), value.get("kwargs") or {}
        if isinstance(name, str) and name and isinstance(kwargs, dict):
            return Implementation(name, kwargs)
    raise ValueError("implementation of Great Expectations is a mapping with type (a text) and kwargs (a mapping), nothing else")


def one_select(query: str) -> None:
    """Raises ValueError when `query` is anything but one SELECT; `${...}` stand for names."""
    text = query
    for placeholder in ("table", "object", "column", "property", "schema"):
        text = text.replace("${" + placeholder + "}", placeholder + "_")
    try:
        statement = parse_statement(text.strip().rstrip(";"))
    except SqlSyntaxError:
        raise ValueError("is not one SELECT of PostgreSQL") from None
    if kind(statement) != "SelectStmt" or statement.HasField("into_clause"):
        raise ValueError("only a SELECT is run here")
    if (refusal := escape_in(text)) is not None:
        raise ValueError(refusal)


def _exact(value: Any) -> Any:
    """Numbers as fractions, so that 0.1 percent means what it says; everything else as it is."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    try:
        return Fraction(str(value)) if not isinstance(value, Fraction) else value
    except ValueError:
        return value
