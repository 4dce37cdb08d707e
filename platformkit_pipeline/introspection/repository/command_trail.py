"""From a command in a workflow to the tools that it runs in the end: through make, package scripts, hooks and scripts of the tree.

Bounded in depth and in number, cycles end, and nothing is run. What cannot be followed is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from platformkit_pipeline.introspection.repository.check_tools import Recognised, recognised, recognised_action, recognised_hook
from platformkit_pipeline.introspection.repository.command_words import (
    folder_and_rest,
    inline_script,
    label_of,
    plain,
    script_file,
    values_of,
)
from platformkit_pipeline.introspection.repository.coverage_settings import codecov_target, coverage_of
from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.shell_commands import Shell, commands_of
from platformkit_pipeline.introspection.repository.task_files import (
    Task,
    TaskFault,
    hooks,
    joined,
    just_tasks,
    make_tasks,
    nox_tasks,
    package_scripts,
    package_tasks,
    python_tasks,
    text_of,
    tox_tasks,
)
from platformkit_pipeline.model.repository.checks import CheckCategory, CheckRun, Holds

MAX_DEPTH = 8
MAX_FOLLOWED = 20_000
"""Commands and tasks of one tree."""
_MOST_CHECKS = 300
_MOST_UNCLEAR = 20
_PACKAGE_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_SHEBANG = re.compile(r"#!\s*(?:/usr/bin/env\s+(?:-S\s+)?)?(\S+)(.*)")
_TOO_MUCH = f"more than {MAX_FOLLOWED} commands and tasks lead from the workflows to others; the rest is not followed"


@dataclass(frozen=True, slots=True)
class Traced:
    """What following found: runs of checks, and what could not be followed."""

    checks: tuple[CheckRun, ...] = ()
    unclear: tuple[str, ...] = ()


class CommandTrail:
    """Follows commands in one tree; what was followed once is remembered."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._scripts: dict[tuple[str, str, Shell | None], Traced] = {}
        self._known: dict[tuple[str, str], Traced] = {}
        self._active: list[tuple[str, str]] = []
        self._followed = 0

    def script(self, text: str, folder: str = "", shell: Shell | None = None) -> Traced:
        """The checks that a script makes, run in a folder of the tree."""
        key = (text, folder, shell)
        if key not in self._scripts:
            self._scripts[key] = self._task(Task(text, folder, shell or Shell(exit_on_error=True)))
        return self._scripts[key]

    def action(self, name: str, arguments: str = "") -> Traced:
        """The checks that a well-known action makes."""
        found = [CheckRun(known.category, known.tool, 0) for known in recognised_action(name)]
        if name.lower() == "codecov/codecov-action" and (target := codecov_target(self._files)) is not None:
            found.append(CheckRun(CheckCategory.TESTS, name, 0, coverage=target))
        if name.lower() == "pre-commit/action":
            return self._all(f"{name}", self._hooks("", tuple(arguments.split())))
        return Traced(tuple(found))

    def _task(self, task: Task) -> Traced:
        checks: list[CheckRun] = []
        unclear: list[str] = []
        folder = task.folder
        self._followed += 1
        if self._followed > MAX_FOLLOWED:
            return Traced(unclear=(_TOO_MUCH,))
        for command in commands_of(task.script, task.shell):
            if self._followed > MAX_FOLLOWED:
                unclear.append(_TOO_MUCH)
                break
            if command.words[:1] == ("cd",) and len(command.words) > 1:
                # A folder that is computed is nearly always the root.
                folder = "" if "$" in command.words[-1] else joined(folder, command.words[-1])
                continue
            traced = self._command(command.words, folder)
            holds = Holds.UNDECIDED if command.conditional else Holds.YES
            for check in traced.checks:
                condition = holds if check.condition is Holds.YES else check.condition
                checks.append(replace(check, tolerated=check.tolerated or command.tolerated or task.tolerated, condition=condition))
            unclear.extend(traced.unclear)
        return _bounded(checks, unclear)

    def _command(self, original: tuple[str, ...], folder: str) -> Traced:
        if not original:
            return Traced()
        key = (folder, "\0".join(original))
        if key in self._known:
            return self._known[key]
        if key in self._active:
            return Traced()
        self._followed += 1
        if len(self._active) >= MAX_DEPTH:
            return Traced(unclear=(f"{label_of(original[:2])} is nested too deep to be followed",))
        self._active.append(key)
        try:
            traced = self._looked_at(original, folder)
        finally:
            self._active.pop()
        if not self._active or traced.checks or traced.unclear:
            self._known[key] = traced
        return traced

    def _looked_at(self, original: tuple[str, ...], folder: str) -> Traced:
        words = plain(original)
        if not words:
            return Traced()
        inner = inline_script(words)
        if inner is not None:
            return self._task(Task(inner, folder, Shell(exit_on_error="e" in words[1])))
        direct = tuple(self._check(known, words, folder) for known in recognised(words))
        if words[0] == "coverage" and words[1:2] == ("run",):
            return Traced(direct)
        try:
            tasks = self._tasks(words, original, folder)
            followed = self._all(self._name(original, words, folder), tasks) if tasks is not None else Traced()
        except TaskFault as fault:
            # Something that is recognised is known well enough.
            followed = Traced() if direct else Traced(unclear=(f"{label_of(words)}: {fault}",))
        return Traced((*direct, *followed.checks), followed.unclear)

    def _name(self, original: tuple[str, ...], words: tuple[str, ...], folder: str) -> str:
        path = joined(folder, script_file(original) or "")
        return path if path in self._files else label_of(words)

    def _check(self, known: Recognised, words: tuple[str, ...], folder: str) -> CheckRun:
        coverage = coverage_of(words, self._files, folder) if known.category is CheckCategory.TESTS else None
        return CheckRun(known.category, known.tool, 0, coverage=coverage)

    def _all(self, label: str, parts: Iterable[Task | Recognised]) -> Traced:
        checks: list[CheckRun] = []
        unclear: list[str] = []
        for part in parts:
            if self._followed > MAX_FOLLOWED:
                unclear.append(_TOO_MUCH)
                break
            if isinstance(part, Recognised):
                checks.append(CheckRun(part.category, part.tool, 0, (label,)))
                continue
            traced = self._task(part)
            checks += [replace(check, through=(label, *check.through)) for check in traced.checks]
            unclear += traced.unclear
        return _bounded(checks, unclear)

    def _tasks(self, words: tuple[str, ...], original: tuple[str, ...], folder: str) -> Iterator[Task | Recognised] | None:
        """What a runner of tasks runs; None for anything that is none. Raises TaskFault."""
        name = words[0]
        place, rest = folder_and_rest(words, folder)
        match name:
            case "make" | "gmake":
                return self._make(words, rest, place)
            case "just":
                return (task for target in rest[:1] or ("",) for task in just_tasks(self._files, place, target))
            case "tox":
                return tox_tasks(self._files, place, values_of(words, ("-e", "--env")))
            case "nox":
                return nox_tasks(self._files, place, values_of(words, ("-s", "--session", "-e")))
            case "poe" | "hatch" | "pdm":
                script = rest[1:2] if rest[:1] == ("run",) else rest[:1]
                return python_tasks(self._files, place, name, script[0]) if script else None
            case "pre-commit" | "prek":
                return self._hooks(place, rest[1:]) if rest[:1] == ("run",) else None
            case "turbo" | "lerna" | "nx":
                return self._everywhere(tuple(word for word in rest if word not in ("run", "run-many")))
            case "npm-run-all" | "npm-run-all2" | "run-s" | "run-p":
                return self._package_scripts(place, rest)
            case "concurrently":
                return (Task(word.removeprefix("npm:") if " " in word else f"npm run {word.removeprefix('npm:')}", place) for word in rest)
        if name in _PACKAGE_MANAGERS:
            return self._package(name, rest, place, everywhere=any(w in words for w in ("-r", "--recursive", "--workspaces", "--filter")))
        if hatch_or_pdm := _runner_of(original):
            return self._python_script(hatch_or_pdm, words, place)
        return self._script_file(original, words, folder)

    def _make(self, words: tuple[str, ...], rest: tuple[str, ...], folder: str) -> Iterator[Task]:
        named = values_of(words, ("-f", "--file"))
        targets = [word for word in rest if "=" not in word and "$" not in word]
        for target in targets or [""]:
            yield from make_tasks(self._files, folder, target, named[0] if named else "")

    def _package(self, manager: str, rest: tuple[str, ...], folder: str, *, everywhere: bool) -> Iterator[Task | Recognised] | None:
        """`npm run x`, `npm test`, `yarn x`, `pnpm -r run x`."""
        if not rest:
            return None
        head = rest[0]
        if head in ("run", "run-script", "rum", "urn"):
            wanted = rest[1:2]
        elif head in ("test", "t", "tst") and manager != "bun":
            wanted = ("test",)
        elif manager in ("yarn", "pnpm") and head not in ("install", "add", "audit", "sbom", "workspaces", "workspace"):
            # yarn and pnpm run a script by its bare name, else a program of that name.
            scripts = package_scripts(self._files, folder) if joined(folder, "package.json") in self._files else {}
            return self._package_scripts(folder, (head,)) if head in scripts else iter((Task(" ".join(rest), folder),))
        else:
            return None
        return self._everywhere(wanted) if everywhere else self._package_scripts(folder, wanted)

    def _package_scripts(self, folder: str, names: Iterable[str]) -> Iterator[Task]:
        for name in names:
            if name.startswith("-"):
                continue
            matching = [name]
            if "*" in name:
                prefix = name.split("*")[0]
                matching = [script for script in package_scripts(self._files, folder) if script.startswith(prefix)]
            for script in matching:
                yield from package_tasks(self._files, folder, script)

    def _everywhere(self, names: tuple[str, ...]) -> Iterator[Task]:
        """A script in every package of the tree that has it."""
        packages = [path for path in self._files.paths if path.rsplit("/", 1)[-1] == "package.json" and "node_modules/" not in path][:50]
        for path in packages:
            folder = path.rpartition("/")[0]
            scripts = package_scripts(self._files, folder)
            for name in names:
                if name in scripts and not scripts[name].startswith(("turbo", "lerna", "nx")):
                    yield from package_tasks(self._files, folder, name)

    def _hooks(self, folder: str, arguments: tuple[str, ...]) -> Iterator[Task | Recognised]:
        chosen = [word for word in arguments if not word.startswith("-") and "/" not in word]
        manual = "manual" in chosen
        chosen = [word for word in chosen if word not in ("manual", "pre-push", "pre-commit", "HEAD") and not word.startswith("origin")]
        for identifier, entry, only_manual in hooks(self._files, folder):
            if (chosen and identifier not in chosen) or (only_manual and not manual):
                continue
            found = list(recognised_hook(identifier)) if not entry else []
            yield from found
            if entry:
                # A hook fails when it changes files, whatever its program says.
                fixed = entry.replace(" --fix", "").replace(" --write", "")
                by_name = list(recognised_hook(plain(tuple(fixed.split()))[0])) if fixed.split() and plain(tuple(fixed.split())) else []
                yield from by_name or (Task(fixed, folder),)

    def _python_script(self, runner: str, words: tuple[str, ...], folder: str) -> Iterator[Task] | None:
        try:
            return iter(list(python_tasks(self._files, folder, runner, words[0])))
        except TaskFault:
            return None

    def _script_file(self, original: tuple[str, ...], words: tuple[str, ...], folder: str) -> Iterator[Task] | None:
        named = script_file(original) or script_file(words)
        path = joined(folder, named) if named and "$" not in named else None
        entry = self._files.get(path) if path else None
        if path is None or entry is None or not entry.is_regular:
            return None
        text = text_of(self._files, path)
        first = _SHEBANG.match(text)
        interpreter, flags = (first[1].rsplit("/", 1)[-1], first[2]) if first else ("sh", "")
        if interpreter not in ("sh", "bash", "dash", "zsh", "ksh"):
            return None
        # Scripts change to the root by means that cannot be followed; theirs is taken for it.
        return iter((Task(text, "", Shell(exit_on_error="-e" in flags.split() or "-eu" in flags.split())),))


def _bounded(checks: Iterable[CheckRun], unclear: Iterable[str]) -> Traced:
    return Traced(tuple(dict.fromkeys(checks))[:_MOST_CHECKS], tuple(dict.fromkeys(unclear))[:_MOST_UNCLEAR])


def _runner_of(original: tuple[str, ...]) -> str:
    head = original[0].rsplit("/", 1)[-1]
    return head if head in ("hatch", "pdm") and len(original) > 1 else ""
