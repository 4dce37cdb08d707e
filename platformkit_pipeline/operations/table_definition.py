"""The inside of a scaffolded CREATE TABLE: columns, keys and indexes in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from platformkit_pipeline.model.target import Declarations
from platformkit_pipeline.operations.new_project import TENANTS
from platformkit_pipeline.operations.scaffold_input import ColumnRequest
from platformkit_pipeline.remediation.object_names import fitting_name
from platformkit_pipeline.sqltext.column_types import ColumnType, read_column_type
from platformkit_pipeline.sqltext.identifiers import identifier, qualified
from platformkit_pipeline.sqltext.schema_scripts import Name

UUID = read_column_type("uuid")
ACCOUNTS: Name = ("auth", "users")


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: `column` of the new table holds `key` of `table`; the tenant goes along where both tables have one."""

    table: Name
    column: str
    key: str
    type: ColumnType
    with_tenant: bool


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """`tenant` is the name of the tenant column, None for a table outside the tenant model."""

    name: Name
    columns: Sequence[ColumnRequest]
    references: Sequence[Reference]
    declarations: Declarations
    tenant: str | None
    critical: bool

    @property
    def lines(self) -> tuple[str, ...]:
        """Columns, then constraints; ON DELETE is RESTRICT everywhere, so that nothing vanishes along with something else."""
        return (*self._column_lines(), *self._constraint_lines())

    @property
    def indexes(self) -> tuple[Index, ...]:
        """One per foreign key (clause 6.2); that of the tenant column is served by the unique key."""
        wanted = [(*self._along(r), r.column) for r in self.references] + [(actor,) for actor in self._actors]
        return tuple(Index(fitting_name(self.name[1], *columns, suffix="idx"), columns) for columns in wanted)

    @property
    def _actors(self) -> tuple[str, ...]:
        return (self.declarations.created_by, self.declarations.updated_by) if self.critical else ()

    def _along(self, reference: Reference) -> tuple[str, ...]:
        return (self.tenant,) if self.tenant and reference.with_tenant else ()

    def _column_lines(self) -> list[str]:
        times = (self.declarations.created_at, self.declarations.updated_at)
        return [
            "id uuid not null default gen_random_uuid()",
            *([f"{identifier(self.tenant)} uuid not null"] if self.tenant else []),
            *(f"{identifier(r.column)} {r.type.text} not null" for r in self.references),
            *(f"{identifier(c.name)} {c.type.text}{' not null' if c.not_null else ''}" for c in self.columns),
            *(f"{identifier(column)} timestamptz not null default now()" for column in times),
            *(f"{identifier(actor)} uuid not null" for actor in self._actors),
        ]

    def _constraint_lines(self) -> list[str]:
        lines = [f"{self._constraint(suffix='pkey')} primary key (id)"]
        if self.tenant:
            # also the index of the tenant column, and what foreign keys of other tenant tables refer to
            lines.append(f"{self._constraint(self.tenant, 'id', suffix='key')} unique ({identifier(self.tenant)}, id)")
            lines.append(self._foreign_key((self.tenant,), TENANTS, ("id",)))
        lines += [self._foreign_key((*self._along(r), r.column), r.table, (*self._along(r), r.key)) for r in self.references]
        return lines + [self._foreign_key((actor,), ACCOUNTS, ("id",)) for actor in self._actors]

    def _constraint(self, *parts: str, suffix: str) -> str:
        return f"constraint {identifier(fitting_name(self.name[1], *parts, suffix=suffix))}"

    def _foreign_key(self, columns: tuple[str, ...], table: Name, keys: tuple[str, ...]) -> str:
        own, other = (", ".join(map(identifier, names)) for names in (columns, keys))
        name = self._constraint(columns[-1], suffix="fkey")
        return f"{name} foreign key ({own}) references {qualified(*table)} ({other}) on delete restrict"
