"""Contract files: `contracts/{api,data,event,behavior,drift}/*.yaml`, one contract a file.

What is in the file beside its name belongs to the dimension that it is of; here it is only a document whose lines are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from platformkit_pipeline.model.contract import Dimension
from platformkit_pipeline.model.document_faults import sentence_of_fault, validated
from platformkit_pipeline.model.errors import ConfigurationError
from platformkit_pipeline.model.yaml_document import Document, Fault, MalformedDocument, parse_yaml

FOLDER = "contracts"
MAX_BYTES = 1_000_000
MAX_PARTS = 500_000
"""Values of one file, aliases of YAML counted as what they stand for."""
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract. `name` is that of the file without its ending, and unique within the dimension."""

    dimension: Dimension
    name: str
    path: Path
    digest: str
    """SHA-256 of the file, hex."""
    document: Document = field(compare=False, repr=False)

    def read_as(self, model: type[_Model]) -> _Model:
        """The file as `model`. Raises ConfigurationError, one line `file:line: path: what is expected` per fault."""
        try:
            return validated(model, self.document)
        except MalformedDocument as malformed:
            raise ConfigurationError(_told(self.path, malformed)) from None


@dataclass(frozen=True, slots=True)
class UnreadableContract:
    """A file that is no document; `reason` says where and why."""

    dimension: Dimension
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ContractSet:
    """All contracts of one target, by dimension and name."""

    contracts: tuple[Contract, ...] = ()
    unreadable: tuple[UnreadableContract, ...] = ()

    @property
    def declared(self) -> frozenset[Dimension]:
        """Dimensions with at least one file: they count, measured or not."""
        return frozenset(c.dimension for c in self.contracts) | frozenset(c.dimension for c in self.unreadable)

    @property
    def digest(self) -> str:
        """Names the set of files; 16 hex digits."""
        text = "\n".join(f"{c.dimension.value}/{c.name}:{c.digest}" for c in self.contracts)
        return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def read_contracts(folder: Path) -> ContractSet:
    """The contracts below `folder`; none where there is no such folder. Raises ConfigurationError for a folder that is none of ours."""
    if not folder.exists():
        return ContractSet()
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is no folder; contracts lie in its folders {', '.join(d.value for d in Dimension)}")
    contracts: list[Contract] = []
    unreadable: list[UnreadableContract] = []
    for dimension in Dimension:
        for path in _files(folder / dimension.value):
            match _read(dimension, path):
                case Contract() as contract:
                    contracts.append(contract)
                case UnreadableContract() as fault:
                    unreadable.append(fault)
    return ContractSet(tuple(contracts), tuple(unreadable))


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())


def _read(dimension: Dimension, path: Path) -> Contract | UnreadableContract:
    try:
        if path.stat().st_size > MAX_BYTES:
            return UnreadableContract(dimension, path.stem, f"{path}: is larger than {MAX_BYTES // 1_000_000} MB")
        data = path.read_bytes()
        document = parse_yaml(data.decode("utf-8-sig"))
    except OSError as error:
        return UnreadableContract(dimension, path.stem, f"{path}: cannot be read: {error.strerror or type(error).__name__}")
    except UnicodeDecodeError:
        return UnreadableContract(dimension, path.stem, f"{path}: is not UTF-8 text")
    except MalformedDocument as malformed:
        return UnreadableContract(dimension, path.stem, _told(path, malformed))
    if fault := _fault_of(document.value):
        return UnreadableContract(dimension, path.stem, f"{path}: {fault}")
    return Contract(dimension, path.stem, path, hashlib.sha256(data).hexdigest(), document)


def _fault_of(value: Any) -> str | None:
    """Before anything walks the value: a dozen lines of aliases may stand for billions, and halves of characters can be told nowhere."""
    parts, waiting = 0, [value]
    while waiting:
        current = waiting.pop()
        parts += 1
        if parts > MAX_PARTS:
            return f"unfolds to more than {MAX_PARTS:,} values"
        if isinstance(current, str) and any("\ud800" <= c <= "\udfff" for c in current):
            return "holds half of a surrogate pair, which is no character"
        if isinstance(current, dict):
            waiting.extend((*current, *current.values()))
        elif isinstance(current, list):
            waiting.extend(current)
    return None


def _told(path: Path, malformed: MalformedDocument) -> str:
    faults: tuple[Fault, ...] = malformed.faults
    return "\n".join(sentence_of_fault(str(path), fault) for fault in faults)
