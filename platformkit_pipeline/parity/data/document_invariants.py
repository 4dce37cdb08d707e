"""What PostgreSQL and Supabase know and the standard does not: the value of the custom property `platformkit`."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from platformkit_pipeline.parity.data.document_parts import Part, ReadPast, SeverityName, Text

OURS = "platformkit"

Privilege = Literal["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
Columns = Annotated[tuple[Text, ...], Field(min_length=1)]


class RowLevelSecurity(Part):
    """Each key that is true is one check."""

    enabled: bool = Field(True, description="Row level security is switched on.")
    forced: bool = Field(False, description="It binds the owner of the table as well.")
    tenantConfined: bool = Field(False, description="The policies keep every client role to rows of its own tenant.")
    noAnonAccess: bool = Field(False, description="The role anon holds no privilege on the table, nor on a column of it.")
    severity: SeverityName | None = Field(None, description="Of these checks; critical unless given.")


class RolePrivileges(Part):
    """What a role must hold on the whole table, and what it must not hold on any part of it."""

    role: Text
    holds: tuple[Privilege, ...] = ()
    lacks: tuple[Privilege, ...] = ()
    severity: SeverityName | None = None

    @model_validator(mode="after")
    def _says_something(self) -> RolePrivileges:
        if not self.holds and not self.lacks:
            raise ValueError("say which privileges the role holds or lacks")
        if both := sorted(set(self.holds) & set(self.lacks)):
            raise ValueError(f"{', '.join(both)} cannot be held and lacked at once")
        return self


class UniqueKey(Part):
    """A primary key, unique constraint or unique index over exactly these columns, in any order."""

    columns: Columns
    severity: SeverityName | None = None


class ForeignKey(Part):
    """A validated foreign key over exactly these columns, in this order."""

    columns: Columns
    references: Text = Field(description="The table, with its schema unless that is public.")
    referencedColumns: tuple[Text, ...] | None = None
    onDelete: Literal["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"] | None = None
    severity: SeverityName | None = None


class Index(Part):
    """A valid index whose keys begin with these columns, in this order."""

    columns: Columns
    unique: bool = False
    method: Text | None = Field(None, description="btree, gin, gist, brin, hash, ...")
    severity: SeverityName | None = None


class CheckConstraint(Part):
    """A validated CHECK constraint, by its name or by its expression as the server prints it."""

    name: Text | None = None
    expression: Text | None = None
    severity: SeverityName | None = None

    @model_validator(mode="after")
    def _is_named(self) -> CheckConstraint:
        if self.name is None and self.expression is None:
            raise ValueError("give the name of the constraint, its expression, or both")
        return self


class OfTable(Part):
    """Invariants of a table."""

    rowLevelSecurity: RowLevelSecurity | None = None
    privileges: tuple[RolePrivileges, ...] = ()
    uniqueKeys: tuple[UniqueKey, ...] = ()
    foreignKeys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[CheckConstraint, ...] = ()
    severity: SeverityName | None = Field(None, description="Of the schema checks of this table that give none themselves.")


class OfColumn(Part):
    """Invariants of a column."""

    default: Text | None = Field(None, description="Default expression, as in SQL.")
    sensitive: bool | None = Field(None, description="Values of the column are never shown, whatever its classification.")
    severity: SeverityName | None = Field(None, description="Of the checks of this column.")


class TableProperty(Part):
    """The custom property that is ours."""

    id: ReadPast = None
    property: Literal["platformkit"]
    value: OfTable
    description: ReadPast = None


class ColumnProperty(Part):
    """The custom property that is ours."""

    id: ReadPast = None
    property: Literal["platformkit"]
    value: OfColumn
    description: ReadPast = None


class OtherProperty(Part):
    """A custom property that belongs to somebody else."""

    id: ReadPast = None
    property: Annotated[Text, Field(json_schema_extra={"not": {"const": OURS}})]
    value: ReadPast = None
    description: ReadPast = None

    @field_validator("property")
    @classmethod
    def _is_not_ours_misspelt(cls, name: str) -> str:
        if get_close_matches(name.lower().replace("-", "").replace("_", ""), [OURS], cutoff=0.8):
            raise ValueError(f"reads like a misspelt {OURS}, whose checks would be left out")
        return name


def _whose(value: Any) -> str:
    name = value.get("property") if isinstance(value, dict) else getattr(value, "property", None)
    return "ours" if name == OURS else "other"


TableProperties = Annotated[
    Annotated[TableProperty, Tag("ours")] | Annotated[OtherProperty, Tag("other")],
    Discriminator(_whose),
]
ColumnProperties = Annotated[
    Annotated[ColumnProperty, Tag("ours")] | Annotated[OtherProperty, Tag("other")],
    Discriminator(_whose),
]
