"""The contracts of the sample platform: some that are honoured, and some that are not, on purpose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

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
            path = home / FOLDER / project / name
            text = (_SAMPLES / name).read_text(encoding="utf-8")
            if path.is_file() and path.read_text(encoding="utf-8") == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}.tmp")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
