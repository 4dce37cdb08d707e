"""Extensions: clauses 1.1 and 2.3."""

from __future__ import annotations

from platformkit_pipeline.model.identity import extension_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule


@rule(
    "EXT001",
    "extension-in-public",
    clause="2.3",
    severity=Severity.HIGH,
    family=Family.EXTENSIONS,
    title="Extension installed in schema public",
    why="Its functions and types become part of the Data API, and a definer function that has public in its path can be made to call them.",
    how_to_fix=(
        "`alter extension ... set schema extensions` where the extension is relocatable and the role owns it; "
        "otherwise drop and create it anew, which takes its dependants with it."
    ),
    references=("splinter:extension_in_public",),
    patch=PatchKind.SQL,
    requires=(CatalogKind.EXTENSIONS,),
    violating="create extension hstore schema public;",
    clean="create extension hstore schema extensions;",
)
def extension_in_public(catalog: Catalog) -> Verdicts:
    for extension in catalog.snapshot.extensions:
        identity = extension_identity(extension.name)
        if extension.schema != "public":
            yield PASSED
            continue
        moves = "can be moved" if extension.relocatable else "is not relocatable: it has to be dropped and created anew"
        yield failed(
            identity,
            f"extension {extension.name} is installed in public; it {moves}",
            version=extension.version,
            relocatable=extension.relocatable,
            owner=extension.owner,
        )
