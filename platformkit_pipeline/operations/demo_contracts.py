"""The contracts of the sample platform: some that are honoured, and some that are not, on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from platformkit_pipeline.operations.place_file import place_file

FOLDER = "sample-contracts"
_SAMPLES = files("platformkit_pipeline.sandbox") / "sample_contracts"
CONTRACTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "shop-production": (
            "data/invoices.yaml",
            "behavior/reading-orders.yaml",
            "behavior/tenants-stay-apart.yaml",
        ),
        "clinic-messy": ("data/invoices.yaml",),
    }
)
"""Project → its contracts among the samples. The shop honours all of them, the clinic does not."""
HONOURING = "shop-production"


def make_demo_contracts(home: Path) -> None:
    """Write the contracts of every project below `home`, each file whole or not at all."""
    for project, names in CONTRACTS.items():
        for name in names:
            place_file((_SAMPLES / name).read_text(encoding="utf-8"), home / FOLDER / project / name)
