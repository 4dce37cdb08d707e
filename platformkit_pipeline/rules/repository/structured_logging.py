"""Components write structured logs (clause 7.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from platformkit_pipeline.model.repository.components import Language
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.manifests import Ecosystem, Manifest
from platformkit_pipeline.model.repository.path_patterns import path_matcher
from platformkit_pipeline.model.result import Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Passes, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_identity, repository_rule

_LOGGERS = {Language.PYTHON: "structlog", Language.JAVASCRIPT: "pino"}
_KIN = {
    Language.PYTHON: ("loguru", "python-json-logger", "logbook", "eliot"),
    Language.JAVASCRIPT: ("winston", "bunyan", "log4js", "consola", "signale", "tslog", "loglevel"),
}
_ECOSYSTEMS = {Language.PYTHON: (Ecosystem.PYTHON,), Language.JAVASCRIPT: (Ecosystem.NODE, Ecosystem.DENO)}
_WORDS = {Language.PYTHON: "print", Language.JAVASCRIPT: "console"}
_SPOKEN = {Language.PYTHON: "Python", Language.JAVASCRIPT: "JavaScript or TypeScript"}
_MOST_LINES = 10


@repository_rule(
    "LOG001",
    "print-statement",
    clause="7.1",
    severity=Severity.MEDIUM,
    family=Family.STRUCTURED_LOGGING,
    title="Component code prints",
    why="A printed line has neither level nor component nor ids. Nobody can filter it, count it, or connect it with a run.",
    how_to_fix="Log through structlog or pino. Where printing is the purpose, as in a command line, say in `paths.components` "
    "of `.platformkit.yaml` what component code is: patterns as in CODEOWNERS, `!src/shop/cli/` takes a folder out again.",
    references=("https://docs.astral.sh/ruff/rules/print/",),
    requires=(RepositoryFacet.LOG_STATEMENTS, RepositoryFacet.MANIFESTS),
    violating="""
=== file src/shop/receipts.py
\"\"\"Receipts.\"\"\"


def send(order: str) -> None:
    \"\"\"Send the receipt of an order.\"\"\"
    print("sent", order)
""",
    clean="""
=== file src/shop/cli/__init__.py
\"\"\"Speaks to whoever calls it.\"\"\"

print("welcome")
""",
)
def print_statement(subject: RepositorySubject) -> Verdicts:
    snapshot = subject.snapshot
    declared = subject.declarations.component_paths
    if declared and not any(map(path_matcher(declared), (file.path for file in snapshot.files))):
        yield unknown(repository_identity("components"), "paths.components in .platformkit.yaml names no file that is there")
    for file in snapshot.printing_files:
        if file.fault:
            yield unknown(file_identity(file.path), f"{file.path} {file.fault}")
            continue
        shown = ", ".join(map(str, file.lines[:_MOST_LINES])) + (" and more" if file.count > _MOST_LINES else "")
        plural = "s" if len(file.lines) > 1 else ""
        message = f"{file.path} uses {_WORDS[file.language]} in line{plural} {shown}"
        yield failed(file_identity(file.path), message, line=file.lines[0], lines=list(file.lines), count=file.count)
    yield Passes(len(subject.components) - len(snapshot.printing_files))


@repository_rule(
    "LOG002",
    "no-structured-logger",
    clause="7.1",
    severity=Severity.MEDIUM,
    family=Family.STRUCTURED_LOGGING,
    title="A component does not depend on a structured logger",
    why="Without the library that the constitution names, each component invents its own fields, and no query works across them.",
    how_to_fix="Add `structlog` (Python) or `pino` (Node.js, Deno) to the dependencies that the component has when it runs. "
    "Where another structured logger is agreed upon, declare LOG002 not applicable in `.platformkit.yaml`, with the reason.",
    references=("https://www.structlog.org/", "https://getpino.io/"),
    requires=(RepositoryFacet.MANIFESTS,),
    may_not_apply=True,
    violating="""
=== replace pyproject.toml
structlog>=25.4
=>
loguru>=0.7
""",
    clean="""
=== file supabase/functions/notify/index.ts
import pino from "npm:pino@9";

const log = pino();

Deno.serve(() => {
  log.info("called");
  return new Response("ok");
});
""",
)
def no_structured_logger(subject: RepositorySubject) -> Verdicts:
    on_clients = path_matcher(subject.declarations.client_paths)
    components = {path: language for path, language in subject.components.items() if not on_clients(path)}
    for language in Language:
        places = {path.rpartition("/")[0] for path, spoken in components.items() if spoken is language}
        if places:
            manifests = [manifest for manifest in subject.snapshot.manifests if manifest.ecosystem in _ECOSYSTEMS[language]]
            yield from _judged_manifests(language, places, manifests)


def _judged_manifests(language: Language, places: set[str], manifests: Sequence[Manifest]) -> Iterator[Verdict | None]:
    """One verdict for each manifest that is the nearest one to component code."""
    judged: set[str] = set()
    homeless = False
    for place in sorted(places):
        above = sorted((m for m in manifests if _holds(m.folder, place)), key=lambda m: (-len(m.folder), m.path))
        if not above:
            homeless = True
        elif above[0].path not in judged:
            judged.add(above[0].path)
            yield _judged_chain(language, above)
    if homeless:
        message = f"there is {_SPOKEN[language]} component code, and no manifest says what it depends on"
        yield unknown(repository_identity(f"logger of {language.value}"), message)


def _judged_chain(language: Language, chain: Sequence[Manifest]) -> Verdict | None:
    """The nearest manifest comes first; a workspace may depend for its modules."""
    nearest, logger = chain[0], _LOGGERS[language]
    if any(logger in manifest.dependencies for manifest in chain):
        return PASSED
    unreadable = next((manifest for manifest in chain if manifest.fault), None)
    if unreadable is not None:
        return unknown(file_identity(nearest.path), f"{unreadable.path} {unreadable.fault}")
    kin = sorted({name for manifest in chain for name in manifest.dependencies if name in _KIN[language]})
    instead = f"; it has {', '.join(kin)}, which the constitution does not name" if kin else ""
    return failed(file_identity(nearest.path), f"{nearest.path} does not name {logger} among its dependencies{instead}", instead=kin)


def _holds(folder: str, place: str) -> bool:
    return not folder or place == folder or place.startswith(f"{folder}/")
