"""Owners of critical files (clauses 1.3, 4.1). Who they are nobody can tell from a repository that has none."""

from __future__ import annotations

import re

from platformkit_pipeline.introspection.repository.codeowners import CRITICAL, observe_codeowners
from platformkit_pipeline.model.repository.codeowners import CODEOWNERS_PLACES
from platformkit_pipeline.model.repository.path_patterns import matches
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.text_files import editable

_NOBODY = "who owns the files is nowhere said"
_EVERYTHING = re.compile(r"^[ \t]*(?:\*|/?\*\*|/)[ \t]+(?P<owners>[^#\n]*[^#\s])", re.MULTILINE)
_OWNS = "owners of "
_MOST_LINES = 20
_ASK = "The owners need write access to the repository, or GitHub leaves their line out."


def add_codeowners(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """A file that gives everything, and what is critical by name, to the owner that was named."""
    path = finding.object.name if finding.object.kind == "file" else CODEOWNERS_PLACES[0]
    if context.owner is None:
        example = f"`* @organisation/team` in {path}"
        steps = (f"Plan again with `--owner @organisation/team`, or write {example} and add lines for {', '.join(CRITICAL)}.", _ASK)
        return ByHand(_NOBODY, steps)
    if path in context.files and context.snapshot.codeowners is not None and context.snapshot.codeowners.entries:
        return Edit("Name owners", {path: context.files.data(path)})
    patterns = ("*", *dict.fromkeys((*_present(context), *context.snapshot.declarations.critical_paths)))
    lines = "".join(f"{_written(pattern)} {context.owner}\n" for pattern in patterns)
    if path not in context.files:
        return Edit(f"Add {path}", {path: f"# The last line that matches a file counts.\n{lines}".encode()}, (_ASK,))
    document = editable(context.files, path)
    return Edit(f"Name owners in {path}", {path: document.encoded(_ended(document.text) + lines)}, (_ASK,))


def cover_critical(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """Lines at the end for critical files without owners. Files that have owners keep them."""
    pattern = finding.object.name.removeprefix(_OWNS)
    observed = context.snapshot.codeowners
    if observed is None or not observed.path:
        return ByHand(_NOBODY, ("Add a CODEOWNERS first (CIC024).",))
    document = editable(context.files, observed.path)
    everything = _EVERYTHING.search(document.text)
    owners = everything["owners"].strip() if everything else context.owner
    if owners is None:
        line = f"{_written(pattern)} @organisation/team"
        step = f"Write `{line}` at the end of {observed.path}, or plan again with `--owner @organisation/team`."
        return ByHand(f"{observed.path} has no owner of everything, who could own {pattern} as well", (step, _ASK))
    concerned = [path for path in context.files.paths if matches(pattern, path)]
    coverage = observe_codeowners(context.files, [f"/{path}" for path in concerned]).coverage
    single = {covered.pattern for covered in coverage if covered.unowned}
    unowned = [path for path in concerned if f"/{path}" in single]
    wanted = [_written(pattern)] if len(unowned) == len(concerned) else [_written(f"/{path}") for path in unowned]
    if len(wanted) > _MOST_LINES:
        step = f"Give the files an owner in {observed.path}, or take away the line without owners that matches them last."
        return ByHand(f"{len(wanted)} files of {pattern} have no owner, and others of it have one", (step,))
    if not unowned:
        return Edit("Name owners", {observed.path: context.files.data(observed.path)})
    lines = "".join(f"{one} {owners}\n" for one in wanted)
    notes = (f"{owners} own{'s' if ' ' not in owners else ''} everything else as well; name somebody closer where there is one.",)
    return Edit(f"Give {pattern} to {owners}", {observed.path: document.encoded(_ended(document.text) + lines)}, notes)


def _present(context: RepositoryContext) -> list[str]:
    return [pattern for pattern in CRITICAL if any(matches(pattern, path) for path in context.files.paths)]


def _written(pattern: str) -> str:
    return pattern.replace(" ", "\\ ")


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
