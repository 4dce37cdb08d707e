"""A connector whose answers tests can change from outside. It knows no events, so the acceptance suite takes a second."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from platformkit_pipeline.connectors.acceptance.wire import open_wire
from platformkit_pipeline.connectors.http_probe import health_by_get
from platformkit_pipeline.connectors.interface import Bench, Connector
from platformkit_pipeline.model.connector import Capability, ConnectorObject, ContractTestResult, Health, HealthStatus
from platformkit_pipeline.model.result import Outcome

CLASS = f"{__name__}:Bulletin"
INCOMPLETE = "platformkit_pipeline.connectors.examples.broken_answers:Incomplete"


class Bulletin(Connector):
    """Reaches the pages that a JSON file lists, and asks a service how it is."""

    def __init__(self, url: str, state: str) -> None:
        self.url, self.state = url, Path(state)

    @classmethod
    def on_bench(cls, bench: Bench, options: Mapping[str, Any]) -> Self:
        return cls(bench.url, options["state"])

    def inventory(self) -> Iterable[ConnectorObject]:
        return [ConnectorObject("page", name, {"tags": tags}) for name, tags in self._told()["pages"].items()]

    def health(self) -> Health:
        return health_by_get(self.url, {}, seconds=2)

    def capabilities(self) -> frozenset[Capability]:
        return frozenset()

    def contract_tests(self) -> Sequence[ContractTestResult]:
        if (health := self.health()).status is HealthStatus.DOWN:
            return [ContractTestResult("pages have titles", Outcome.UNKNOWN, health.message)]
        fault = self._told()["fault"]
        return [ContractTestResult("pages have titles", Outcome.FAIL if fault else Outcome.PASS, fault)]

    def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.state.read_text(encoding="utf-8"))
        return told


@dataclass(frozen=True)
class Board:
    """The other side of a `Bulletin`."""

    url: str
    state: Path

    def write(self, *, pages: Mapping[str, Sequence[str]] | None = None, fault: str = "") -> None:
        """What the pages are, and what is wrong with them."""
        document = {"pages": {"news": ["daily"], "jobs": []} if pages is None else pages, "fault": fault}
        self.state.write_text(json.dumps(document), encoding="utf-8")

    def entry(self, name: str, **more: Any) -> dict[str, Any]:
        """As it stands in the settings."""
        return {"name": name, "class": CLASS, "options": {"url": self.url, "state": str(self.state)}, **more}


@contextmanager
def open_board(folder: Path) -> Iterator[Board]:
    """A board that is well, as long as the block lasts."""
    with open_wire() as wire:
        board = Board(wire.url, folder / "board.json")
        board.write()
        yield board
