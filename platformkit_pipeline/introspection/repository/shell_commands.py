"""The simple commands of a shell script, with what becomes of their failure. Nothing is run or expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

MAX_COMMANDS = 2_000
MAX_WORDS = 500
"""Of one command; the rest of a longer one is left out."""
_OPENERS = frozenset({"if", "case"})
_CLOSERS = frozenset({"fi", "esac"})
_CONDITIONS = frozenset({"if", "elif", "while", "until"})
_KEYWORDS = frozenset({"then", "do", "else", "{", "(", "!", "time", "if", "elif", "while", "until"})
_TAIL = frozenset({"fi", "done", "esac", "}", ")", ";;"})
_HEREDOC = re.compile(r"<<(-?)\s*(['\"]?)(\w+)\2")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_FUNCTION = re.compile(r"[\w.-]+\(\)$")


@dataclass(frozen=True, slots=True)
class Shell:
    """How a shell is started: whether a failing command ends it, and a failing part of a pipe fails the pipe."""

    exit_on_error: bool = False
    pipefail: bool = False


PLAIN = Shell()


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command. `tolerated` tells why its failure does not matter, as the rest of a sentence; empty where it does."""

    words: tuple[str, ...]
    tolerated: str = ""
    conditional: bool = False
    """It stands in a branch that need not be taken."""
    assignments: tuple[str, ...] = ()


@dataclass(slots=True)
class _Part:
    """Words up to an operator, which is kept."""

    words: list[str] = field(default_factory=list)
    operator: str = "\n"


def commands_of(script: str, shell: Shell) -> Iterator[Command]:
    """The commands in order, at most MAX_COMMANDS. What is quoted or computed stays one word as it is written."""
    parts = _parts(_without_heredocs(script))
    last = max((number for number, part in enumerate(parts) if part.words and part.words[0] not in _TAIL), default=-1)
    # A list such as `a && b` that is the script's last decides its end, whichever of its commands fails.
    ending = last
    while ending > 0 and parts[ending - 1].operator == "&&":
        ending -= 1
    state, depth, previous, given = shell, 0, "\n", 0
    for number, part in enumerate(parts):
        words, condition, depth = _unwrapped(part.words, depth)
        if words[:1] == ["set"]:
            state = _after_set(state, words)
        elif words and given < MAX_COMMANDS:
            given += 1
            yield _command(words, _tolerance(part.operator, previous, state, condition=condition, final=number >= ending), depth)
        previous = part.operator
        depth -= sum(word in _CLOSERS for word in part.words[:1])
        depth = max(depth, 0)


def _command(words: list[str], tolerated: str, depth: int) -> Command:
    assignments = []
    while words and _ASSIGNMENT.match(words[0]):
        assignments.append(words[0])
        words = words[1:]
    return Command(tuple(words), tolerated, depth > 0, tuple(assignments))


def _tolerance(operator: str, previous: str, shell: Shell, *, condition: bool, final: bool) -> str:
    if condition:
        return "is the condition of a branch"
    if operator == "||" or previous == "||":
        return "is followed by `||`" if operator == "||" else "runs only when another command fails"
    if operator == "|" and not shell.pipefail:
        return "is piped into another command without `pipefail`"
    if operator == "&":
        return "runs in the background"
    if final:
        return ""
    if operator == "&&":
        return "is followed by `&&`, and more commands follow"
    return "" if shell.exit_on_error or operator == "|" else "is followed by other commands, and the shell goes on after a failure"


def _unwrapped(words: list[str], depth: int) -> tuple[list[str], bool, int]:
    """The words without keywords before them, whether they are a condition, and how deep in branches they stand."""
    condition = False
    words = words[:MAX_WORDS]
    while words:
        head = words[0]
        if head in _OPENERS:
            depth += 1
        condition = condition or head in _CONDITIONS or head == "!"
        if head in _KEYWORDS:
            words = words[1:]
        elif _FUNCTION.match(head) or head in _TAIL or head in ("for", "case", "function", "select", "[", "[[", ":"):
            return [], condition, depth
        elif head.startswith("(") and len(head) > 1 and not head.startswith("(("):
            words[0] = head[1:]
        elif depth and head.endswith(")") and "(" not in head:
            words = words[1:]  # the pattern of a case
        else:
            break
    if words and words[-1].endswith(")") and words[-1].count(")") > words[-1].count("("):
        words[-1] = words[-1].rstrip(")")
    return [word for word in words if word], condition, depth


def _after_set(shell: Shell, words: list[str]) -> Shell:
    for number, word in enumerate(words[1:], 1):
        on = word.startswith("-")
        letters = word[1:] if word[:1] in "+-" else ""
        if "e" in letters.replace("o", ""):
            shell = replace(shell, exit_on_error=on)
        if "o" in letters and len(words) > number + 1:
            option = words[number + 1]
            shell = replace(shell, pipefail=on) if option == "pipefail" else shell
            shell = replace(shell, exit_on_error=on) if option == "errexit" else shell
    return shell


def _without_heredocs(script: str) -> str:
    """The script without the documents that it feeds to commands."""
    kept, ending = [], ""
    for line in script.replace("\\\n", " ").split("\n"):
        if ending:
            ending = "" if line.strip() == ending else ending
            continue
        match = _HEREDOC.search(line)
        if match and "<<<" not in line:
            ending = match[3]
        kept.append(line)
    return "\n".join(kept)


def _parts(script: str) -> list[_Part]:
    parts: list[_Part] = []
    current, word, started = _Part(), "", False
    position, length = 0, len(script)
    while position < length:
        character = script[position]
        if character in "'\"`":
            end = _closing(script, position)
            word, started, position = word + script[position + 1 : end], True, end + 1
            continue
        if character == "$" and script.startswith(("$(", "${"), position):
            end = _balanced(script, position + 1)
            word, started, position = word + script[position:end], True, end
            continue
        if character == "\\" and position + 1 < length:
            word, started, position = word + script[position + 1], True, position + 2
            continue
        if character == "#" and not started:
            end = script.find("\n", position)
            position = length if end < 0 else end
            continue
        operator = next((o for o in ("&&", "||", ";;", "|&", ";", "|", "&", "\n") if script.startswith(o, position)), "")
        if operator == "&" and (script[position - 1 : position] == ">" or script.startswith("&>", position)):
            operator = ""  # a redirection: 2>&1, &>file
        if operator or character.isspace():
            if started:
                current.words.append(word)
            word, started = "", False
            if operator:
                current.operator = {"|&": "|", ";": "\n", ";;": "\n"}.get(operator, operator)
                # An operator at the end of a line goes on with the next one.
                if current.words or not parts:
                    parts.append(current)
                    current = _Part()
            position += len(operator) or 1
            continue
        word, started, position = word + character, True, position + 1
    if started:
        current.words.append(word)
    if current.words:
        parts.append(current)
    return [part for part in parts if part.words]


def _closing(script: str, start: int) -> int:
    """Where the quotation that begins at `start` ends; the end of the script for one that does not."""
    quote, position = script[start], start + 1
    while position < len(script) and script[position] != quote:
        position += 2 if script[position] == "\\" and quote != "'" else 1
    return min(position, len(script))


def _balanced(script: str, start: int) -> int:
    """The position after the bracket that closes the one at `start`."""
    opening = script[start]
    closing = {"(": ")", "{": "}"}[opening]
    depth = 0
    for position in range(start, min(len(script), start + 10_000)):
        depth += (script[position] == opening) - (script[position] == closing)
        if not depth:
            return position + 1
    return len(script)
