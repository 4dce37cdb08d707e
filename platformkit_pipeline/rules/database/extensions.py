"""Extensions: clauses 1.1 and 2.3."""

from __future__ import annotations

from platformkit_pipeline.model.identity import extension_identity
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.model.snapshot import CatalogKind
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import PASSED, Family, Verdicts, failed, rule, unknown


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
        if extension.schema != "public":
            yield PASSED
            continue
        identity = extension_identity(extension.name)
        moves = "can be moved" if extension.relocatable else "is not relocatable: it has to be dropped and created anew"
        yield failed(
            identity,
            f"extension {extension.name} is installed in public; it {moves}",
            version=extension.version,
            relocatable=extension.relocatable,
            owner=extension.owner,
        )


@rule(
    "EXT002",
    "extension-outdated",
    clause="2.3",
    severity=Severity.INFO,
    family=Family.EXTENSIONS,
    title="Installed version of an extension is not the one that the server would install today",
    why=(
        "Upgrades of the server bring new extension files and leave what is installed as it was: fixes, also of security, do not take "
        "effect until somebody updates it. A version that the server offers no way to update from passes: nothing can be done about it."
    ),
    how_to_fix="`alter extension ... update;` as its owner, after reading its release notes.",
    references=("splinter:extension_versions_outdated", "cwe:1104"),
    requires=(CatalogKind.EXTENSIONS,),
    violating="create extension hstore schema extensions version '1.4';",
    clean="create extension hstore schema extensions;",
)
def extension_outdated(catalog: Catalog) -> Verdicts:
    for extension in catalog.snapshot.extensions:
        if extension.default_version is None:
            yield unknown(
                extension_identity(extension.name),
                f"the server no longer has the files of extension {extension.name}, so that its version cannot be compared",
                version=extension.version,
            )
        elif extension.version == extension.default_version or not extension.update_path:
            yield PASSED
        else:
            yield failed(
                extension_identity(extension.name),
                f"extension {extension.name} is installed in version {extension.version}; the server offers {extension.default_version}",
                version=extension.version,
                default_version=extension.default_version,
                owner=extension.owner,
            )
