"""From the words of a command to the program that does the work: what merely starts another program is taken away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.introspection.repository.task_files import joined

_SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ksh"})
_VALUED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "nice": frozenset({"-n", "--adjustment"}),
        "timeout": frozenset({"-s", "--signal", "-k", "--kill-after"}),
        "xvfb-run": frozenset({"-s", "--server-args", "-n", "-e"}),
        "npx": frozenset({"-p", "--package", "-c", "--call"}),
        "uvx": frozenset({"--from", "--with", "--python", "-p", "--index"}),
        "uv": frozenset(
            {"--with", "--extra", "--group", "--python", "-p", "--directory", "--project", "--from", "--env-file", "--package"}
        ),
        "pipx": frozenset({"--spec", "--python"}),
        "poetry": frozenset({"-C", "--directory", "-P", "--project"}),
        "sudo": frozenset({"-u", "-g"}),
        "env": frozenset({"-u", "-C"}),
        "python": frozenset({"-W", "-X"}),
        "xargs": frozenset({"-n", "-P", "-I", "-L", "-d", "-a"}),
    }
)
"""Options that are followed by a value, so that the value is not taken for the program."""
_PLAIN = frozenset({"sudo", "env", "nice", "timeout", "xvfb-run", "exec", "command", "npx", "uvx", "bunx", "cross-env", "xargs", "builtin"})
_SECOND: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "uv": (("run",), ("tool", "run")),
        "poetry": (("run",),),
        "pdm": (("run",),),
        "hatch": (("run",),),
        "rye": (("run",),),
        "pipenv": (("run",),),
        "pipx": (("run",),),
        "pnpm": (("exec",), ("dlx",)),
        "yarn": (("exec",), ("dlx",)),
        "npm": (("exec",), ("x",)),
        "bun": (("x",),),
        "bundle": (("exec",),),
        "conda": (("run",),),
        "dotenv": (("run",), ()),
        "corepack": ((),),
    }
)
"""Programs that start another one when their first words are these."""
_MAX_UNWRAPPING = 10
_FOLDER_OPTIONS = frozenset({"-C", "--dir", "--cwd", "--prefix", "--directory"})
_VALUED_OPTIONS = frozenset({*_FOLDER_OPTIONS, "-f", "--file", "-j", "--filter", "-F", "-w", "--workspace", "-e", "-s", "--session"})
_MAX_LABEL = 60


def program(word: str) -> str:
    """The name of the program that a word names: without its folder and, for an npm or Python package, without its version."""
    name = word.rsplit("/", 1)[-1] if not word.startswith("@") else word
    name = name.removesuffix(".exe")
    head, at, _ = name.partition("@") if not name.startswith("@") else (name, "", "")
    name = head if at else name
    return name.split("==")[0]


def plain(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of the program that is started in the end; a Python module counts as the program of its name."""
    for _ in range(_MAX_UNWRAPPING):
        shorter = _without_wrapper(words)
        if shorter == words:
            break
        words = shorter
    return (program(words[0]), *words[1:]) if words else ()


def inline_script(words: tuple[str, ...]) -> str | None:
    """The script that `sh -c` is given; None for anything else."""
    if not words or program(words[0]) not in _SHELLS:
        return None
    for number, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            return words[number + 1] if len(words) > number + 1 else None
        if not word.startswith("-"):
            return None
    return None


def script_file(words: tuple[str, ...]) -> str | None:
    """The file that is run as a script: by a shell, by `source`, or by its own path; None where none is named."""
    if not words:
        return None
    head = program(words[0])
    if head in _SHELLS or words[0] in (".", "source"):
        return next((word for word in words[1:] if not word.startswith("-") and word not in ("pipefail", "errexit")), None)
    return words[0] if "/" in words[0] and "$" not in words[0] else None


def _without_wrapper(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        return words
    name = program(words[0])
    if name.startswith("python") and name.removeprefix("python").replace(".", "").isdigit() | (name == "python"):
        return _module(words)
    if name == "coverage" and words[1:2] == ("run",):
        return words
    if name == "command" and words[1:2] in (("-v",), ("-V",)):
        return ()
    if name in _PLAIN:
        rest = _after_options(words[1:], _VALUED.get(name, frozenset()))
        if name == "timeout":
            rest = rest[1:]
        if name == "npx" and not rest:
            return words
        while rest and name in ("env", "cross-env", "sudo") and "=" in rest[0] and not rest[0].startswith("="):
            rest = rest[1:]
        return rest
    for starting in _SECOND.get(name, ()):
        rest = _after_options(words[1:], _VALUED.get(name, frozenset()))
        if starting and rest[: len(starting)] == starting:
            return _after_options(rest[len(starting) :], _VALUED.get(name, frozenset()))
        if not starting and rest:
            return rest
    return words


def _module(words: tuple[str, ...]) -> tuple[str, ...]:
    for number, word in enumerate(words[1:], 1):
        if word == "-m":
            return words[number + 1 :] or words
        if not word.startswith("-"):
            return words
    return words


def _after_options(words: tuple[str, ...], valued: frozenset[str]) -> tuple[str, ...]:
    position = 0
    while position < len(words) and words[position].startswith("-"):
        if words[position] == "--":
            position += 1
            break
        position += 2 if words[position] in valued else 1
    return words[position:]


def folder_and_rest(words: tuple[str, ...], folder: str) -> tuple[str, tuple[str, ...]]:
    """The folder that options name, and the words that are neither options nor their values."""
    rest: list[str] = []
    position = 1
    while position < len(words):
        word = words[position]
        option, equals, value = word.partition("=")
        if option in _FOLDER_OPTIONS:
            folder = joined(folder, value if equals else next(iter(words[position + 1 : position + 2]), ""))
        if word.startswith("-") and word != "--":
            position += 2 if word in _VALUED_OPTIONS else 1
            continue
        if word != "--":
            rest.append(word)
        position += 1
    return folder, tuple(rest)


def values_of(words: tuple[str, ...], options: tuple[str, ...]) -> tuple[str, ...]:
    """The values of options, separated by commas or given several times."""
    values: list[str] = []
    for position, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in options:
            values += (value if equals else next(iter(words[position + 1 : position + 2]), "")).split(",")
    return tuple(value for value in values if value)


def label_of(words: tuple[str, ...]) -> str:
    """The first words of a command, as far as they are names: no option with a value, nothing that could be a secret."""
    kept = [words[0], *(w for w in words[1:3] if re.fullmatch(r"[A-Za-z][\w:./-]{0,40}", w))]
    return " ".join(kept)[:_MAX_LABEL]
