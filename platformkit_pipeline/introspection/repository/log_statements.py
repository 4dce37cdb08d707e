"""Find statements that print in component code: `print` by ruff, `console` by ast-grep.

Both are asked about copies below names of our own, with their suppressions switched off, so neither the repository's
configuration nor its comments change the answer. Files without the word are not copied.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError
from platformkit_pipeline.introspection.repository.programs import ProgramFailed, answer_of, find_program
from platformkit_pipeline.model.repository.components import Language, component_files
from platformkit_pipeline.model.repository.declarations import RepositoryDeclarations
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.repository.log_statements import MAX_LINES, PrintingFile
from platformkit_pipeline.model.repository.manifests import Manifest
from platformkit_pipeline.model.snapshot import Unobserved

TIMEOUT_SECONDS = 120
MAX_MENTIONS = 2000
"""Of the word in one file: what the tools answer grows with it."""
MAX_BYTES_COPIED = 256 * 1024 * 1024
_ANSWER = re.compile(r"(?:\./)?(?P<name>\d+\.\w+):(?P<line>\d+):\d+: (?P<said>.*)\Z")
_INVALID = "invalid-syntax"
_SUPPRESSION = b"ast-grep-ignore"


@dataclass(frozen=True, slots=True)
class _Tool:
    """How one language is examined. `answers` are exit codes with which the program has looked at everything."""

    program: str
    word: re.Pattern[bytes]
    command: Callable[[str, Path], list[str]]
    answers: tuple[int, ...]
    installed_by: str


def _ruff(program: str, _: Path) -> list[str]:
    return [
        *(program, "check", "--isolated", "--no-cache", "--select", "T20", "--ignore-noqa", "--no-respect-gitignore"),
        *("--target-version", "py314", "--output-format", "concise", "--exit-zero", "--quiet", "."),
    ]


def _ast_grep(program: str, rules: Path) -> list[str]:
    return [
        *(program, "scan", "--rule", str(rules), "--report-style", "short", "--color", "never"),
        *("--no-ignore", "hidden", "--no-ignore", "vcs", "--no-ignore", "dot", "--no-ignore", "parent", "--no-ignore", "global", "."),
    ]


_TOOLS: Mapping[Language, _Tool] = {
    Language.PYTHON: _Tool("ruff", re.compile(rb"\bp?print\b"), _ruff, (0,), "ruff"),
    Language.JAVASCRIPT: _Tool("ast-grep", re.compile(rb"\bconsole\b"), _ast_grep, (0, 1), "ast-grep-cli"),
}


def observe_printing(
    files: Files, declarations: RepositoryDeclarations, manifests: Sequence[Manifest]
) -> tuple[tuple[PrintingFile, ...], tuple[Unobserved, ...]]:
    """Files of component code that print or cannot be examined, and what is missing because a tool is."""
    packages = [package for manifest in manifests for package in manifest.packages]
    regular = [entry.path for entry in files.entries if entry.is_regular]
    components = component_files(regular, declarations.component_paths, packages)
    found: list[PrintingFile] = []
    missing = []
    for language, tool in _TOOLS.items():
        paths = [path for path, spoken in components.items() if spoken is language]
        try:
            found += _printing(files, paths, language, tool)
        except ProgramFailed as error:
            missing.append(Unobserved(RepositoryFacet.LOG_STATEMENTS, f"{tool.program}: {error}"))
        except OSError as error:
            missing.append(
                Unobserved(RepositoryFacet.LOG_STATEMENTS, f"{tool.program}: could not be run: {error.strerror or type(error).__name__}")
            )
    return tuple(sorted(found)), tuple(missing)


def _printing(files: Files, paths: Sequence[str], language: Language, tool: _Tool) -> Iterator[PrintingFile]:
    names: dict[str, str] = {}
    room = MAX_BYTES_COPIED
    with tempfile.TemporaryDirectory(prefix="platformkit-print-") as place:
        folder = Path(place) / "copies"
        folder.mkdir()
        for path in paths:
            try:
                data = _examined(files, path, tool.word)
                if data is None:
                    continue
                room -= len(data)
                if room < 0:
                    raise UnreadableError(f"is one of too many: no more than {MAX_BYTES_COPIED} bytes are examined")
            except UnreadableError as error:
                yield PrintingFile(path, language, fault=str(error))
                continue
            name = f"{len(names):06}{path[path.rfind('.') :]}"
            names[name] = path
            (folder / name).write_bytes(data)
        if names:
            yield from _answered(tool, folder, names, language)


def _examined(files: Files, path: str, word: re.Pattern[bytes]) -> bytes | None:
    """The content to copy; None where the word does not occur. Raises UnreadableError."""
    data = files.data(path)
    mentions = sum(1 for _ in word.finditer(data))
    if not mentions:
        return None
    if mentions > MAX_MENTIONS:
        raise UnreadableError(f"holds the word {mentions} times, and a file with more than {MAX_MENTIONS} is not examined")
    text = files.text(path)
    return text.encode().replace(_SUPPRESSION, b"_" * len(_SUPPRESSION))


def _answered(tool: _Tool, folder: Path, names: Mapping[str, str], language: Language) -> Iterator[PrintingFile]:
    program = find_program(tool.program)
    if program is None:
        raise ProgramFailed(f"is not installed; `pip install {tool.installed_by}` puts it beside this program")
    rules = folder.parent / "rules.yml"
    rules.write_bytes((package_files(__package__) / "console_statements.yml").read_bytes())
    lines: dict[str, list[int]] = {}
    faults: dict[str, str] = {}
    for name, line, said in _said(tool.command(program, rules), folder, tool.answers):
        if name not in names:
            raise ProgramFailed("its answer speaks of a file that it was not asked about")
        if said.startswith(_INVALID):
            faults.setdefault(name, f"cannot be parsed: line {line}")
        else:
            lines.setdefault(name, []).append(line)
    for name, path in names.items():
        if name in faults:
            yield PrintingFile(path, language, fault=faults[name])
        elif name in lines:
            distinct = sorted(set(lines[name]))
            yield PrintingFile(path, language, len(lines[name]), tuple(distinct[:MAX_LINES]))


def _said(command: Sequence[str], folder: Path, answers: tuple[int, ...]) -> Iterator[tuple[str, int, str]]:
    printed = answer_of(command, folder, codes=answers, timeout=TIMEOUT_SECONDS)
    for line in printed.decode(errors="replace").splitlines():
        if not line.strip():
            continue
        found = _ANSWER.match(line)
        if found is None:
            raise ProgramFailed("its answer has another form than is known")
        yield found["name"], int(found["line"]), found["said"]
