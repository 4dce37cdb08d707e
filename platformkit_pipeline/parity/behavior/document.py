"""`contracts/behavior/*.yaml` as it is validated: the steps of one user journey."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from platformkit_pipeline.model.isolation import ProbeLevel
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.model.settings import Text
from platformkit_pipeline.parity.api.document import RESERVED_HEADERS, ApiPath, Bearer
from platformkit_pipeline.sqltext.journeys import step_facts

Count = Annotated[int, Field(ge=0)]
Variable = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Sqlstate = Annotated[str, Field(pattern=r"^[0-9A-Z]{5}$")]
StepSeverity = Literal[Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]

REFERENCE = re.compile(r"\$\{([a-z][a-z0-9_]{0,62})\}")
"""Where a saved value is used."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False, populate_by_name=True)


class Range(_Part):
    """A number of rows; both ends belong to it."""

    min: Count = 0
    max: Count | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError("max is smaller than min")
        return self

    def holds(self, number: int) -> bool:
        return self.min <= number and (self.max is None or number <= self.max)

    def __str__(self) -> str:
        return f"{self.min} or more" if self.max is None else f"{self.min} to {self.max}"


class Actor(_Part):
    """Who runs the SQL: a role of the database, with the claims that the platform's gateway would hand on."""

    role: Text
    claims: Mapping[str, Any] = Field(default_factory=dict)

    @field_validator("role")
    @classmethod
    def _is_a_role(cls, value: str) -> str:
        if value.lower() == "none":
            raise ValueError("expected a role of the database, such as authenticated")
        return value


class SqlExpectation(_Part):
    """What comes of the statement. Without `error`, that it is run at all is expected."""

    rows: Count | Range | None = Field(None, description="How many rows are returned.")
    affected: Count | Range | None = Field(None, description="How many rows are inserted, updated or deleted.")
    columns: tuple[Text, ...] | None = Field(None, description="Names of the columns, in order.")
    values: tuple[Mapping[str, Any], ...] | None = Field(None, description="Values of columns of the first rows; others are not looked at.")
    error: Sqlstate | tuple[Sqlstate, ...] | None = Field(
        None, description="SQLSTATE, such as 42501 for a refusal; several where versions of PostgreSQL differ."
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if self.error is not None and not all(e is None for e in (self.rows, self.affected, self.columns, self.values)):
            raise ValueError("a statement that ends with an error has no rows: error stands alone")
        return self

    @property
    def errors(self) -> tuple[str, ...]:
        """SQLSTATEs that are as expected; none where no error is."""
        return () if self.error is None else (self.error,) if isinstance(self.error, str) else self.error


class HttpRequest(_Part):
    """A request to the Data API of the target. It is a real one: what it writes is not rolled back."""

    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: ApiPath
    headers: Mapping[str, str] = Field(default_factory=dict)
    json_body: Any = Field(None, alias="json")

    @model_validator(mode="after")
    def _carries_no_secret(self) -> Self:
        if any(name.lower() in RESERVED_HEADERS for name in self.headers):
            raise ValueError("headers are plain ones; keys and tokens come from `as` and the settings")
        return self


class HttpExpectation(_Part):
    """What comes back. `json` is held against the answer as far as it says something: objects may have more keys, lists no more items."""

    status: Annotated[int, Field(ge=100, le=599)] | None = None
    headers: Mapping[str, str] = Field(default_factory=dict, description="Values that headers begin with.")
    json_body: Any = Field(None, alias="json")


class Isolation(_Part):
    """The trial of tenant isolation: one check for each table."""

    level: Literal[ProbeLevel.READ, ProbeLevel.WRITE] = ProbeLevel.READ
    tables: Annotated[tuple[Text, ...], Field(min_length=1)] | None = Field(
        None, description="Qualified names; without it, all tables of tenants that callers may reach."
    )

    @field_validator("tables")
    @classmethod
    def _names_each_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and len(set(value)) < len(value):
            raise ValueError("a table is named twice")
        return value


class _Step(_Part):
    name: Text
    """Names the check; unique in the file."""
    description: str = ""


class SqlStep(_Step):
    """One statement. Parameters are $1, $2 and so on; a parameter `${name}` is a saved value."""

    severity: StepSeverity = Severity.HIGH
    actor: Actor = Field(alias="as")
    sql: Text
    parameters: tuple[Any, ...] = ()
    expect: SqlExpectation = SqlExpectation()
    save: Mapping[Variable, Text] = Field(default_factory=dict, description="Variable: column of the first row.")

    @model_validator(mode="after")
    def _may_be_run(self) -> Self:
        facts = step_facts(self.sql)
        if facts.refusal is not None:
            raise ValueError(facts.refusal)
        if facts.parameters != len(self.parameters):
            raise ValueError(f"it has {facts.parameters} parameters, and {len(self.parameters)} are given")
        if REFERENCE.search(self.sql):
            raise ValueError("a saved value goes into the parameters, as ${name}")
        return self


class HttpStep(_Step):
    """One request. `${name}` in the path, the headers and the body is a saved value."""

    severity: StepSeverity = Severity.HIGH
    actor: Literal["anon"] | Bearer = Field("anon", alias="as")
    http: HttpRequest
    expect: HttpExpectation = HttpExpectation()
    save: Mapping[Variable, Annotated[str, Field(pattern=r"^(/.*)?$")]] = Field(default_factory=dict, description="Variable: JSON pointer.")


class IsolationStep(_Step):
    """Severity is critical: a leak between tenants is never less."""

    severity: StepSeverity = Severity.CRITICAL
    isolation: Isolation


def _kind_of(step: Any) -> str:
    """By its key; also of a step that is one already."""
    given = step if isinstance(step, Mapping) else dict.fromkeys(type(step).model_fields) if isinstance(step, BaseModel) else {}
    return "http" if "http" in given else "isolation" if "isolation" in given else "sql"


Step = Annotated[
    Annotated[SqlStep, Tag("sql")] | Annotated[HttpStep, Tag("http")] | Annotated[IsolationStep, Tag("isolation")],
    Discriminator(_kind_of),
]


class BehaviorContract(_Part):
    """One user journey. SQL steps share one transaction, which is always rolled back."""

    model_config = ConfigDict(title="Behaviour contract")

    version: Literal[1] = 1
    description: str = ""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names: set[str] = set()
        saved: set[str] = set()
        for step in self.steps:
            if step.name in names:
                raise ValueError(f"two steps are called {step.name!r}: names tell checks apart")
            names.add(step.name)
            missing = sorted(references_of(step) - saved)
            if missing:
                raise ValueError(f"step {step.name!r} uses ${{{missing[0]}}}, which no step before it saves")
            saved |= set(getattr(step, "save", {}))
        return self


def references_of(step: SqlStep | HttpStep | IsolationStep) -> frozenset[str]:
    """Variables that the step uses."""
    match step:
        case SqlStep():
            return _named_in([step.parameters, step.actor.claims, step.expect.values])
        case HttpStep():
            return _named_in([step.http.path, step.http.headers, step.http.json_body, step.expect.json_body, step.expect.headers])
    return frozenset()


def _named_in(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(REFERENCE.findall(value))
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return frozenset().union(*map(_named_in, parts))


DOCUMENT = BehaviorContract
"""What `platformkit docs contracts` and `platformkit parity` hold files against."""
