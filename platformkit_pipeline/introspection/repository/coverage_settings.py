"""Least coverage that tests have to reach, as it stands on a command line or in a file of settings; in per cent."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from platformkit_pipeline.introspection.repository.files import Files
from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.introspection.repository.task_files import TaskFault, ini, joined, text_of, toml_of

_OPTION = re.compile(
    r"--?(?:cov-fail-under|fail-under(?:-lines)?|lines|coverage\.thresholds\.lines|coverage\.lines|statements)(?:=(.+))?\Z"
)
_NUMBER = re.compile(r"\d{1,3}(?:\.\d+)?\Z")
_SCRIPT_LIMIT = re.compile(r"(?:coverageThreshold|thresholds?)\s*['\"]?\s*:\s*\{(?P<body>[^;]{0,600}?)\}", re.DOTALL)
_SCRIPT_VALUE = re.compile(r"['\"]?(?P<what>lines|statements)['\"]?\s*:\s*(?P<value>\d{1,3}(?:\.\d+)?)")
_COMMENT = re.compile(r"(?:^|\s)//[^\n]*|/\*.*?\*/", re.DOTALL)
_JS_CONFIGS = tuple(
    f"{stem}.{suffix}" for stem in ("vitest.config", "vite.config", "jest.config") for suffix in ("ts", "js", "mts", "mjs", "cts", "cjs")
)


def coverage_of(words: tuple[str, ...], files: Files, folder: str) -> float | None:
    """The bound that a test command has: on its command line, else in the settings that it reads."""
    told = _on_command_line(words)
    if told is not None:
        return told
    if words[0] in ("pytest", "py.test", "coverage"):
        return _python(words, files, folder)
    if words[0] in ("vitest", "jest", "react-scripts"):
        return _javascript(words, files, folder)
    if words[0] in ("nyc", "c8") and "--check-coverage" in words:
        return _number(_package(files, folder).get("c8", {}).get("lines"))
    return None


def codecov_target(files: Files) -> float | None:
    """The project's target in `codecov.yml`; None for one that only follows the last commit."""
    for path in ("codecov.yml", ".codecov.yml", ".github/codecov.yml", "codecov.yaml"):
        if path in files:
            try:
                document: Any = load_yaml(text_of(files, path))
            except (TaskFault, YamlRefused, yaml.YAMLError):
                return None
            for key in ("coverage", "status", "project", "default", "target"):
                document = document.get(key) if isinstance(document, dict) else None
            return _number(str(document).removesuffix("%"))
    return None


def _on_command_line(words: tuple[str, ...]) -> float | None:
    for number, word in enumerate(words):
        if match := _OPTION.match(word):
            value = match[1] or (words[number + 1] if len(words) > number + 1 else "")
            if (found := _number(value)) is not None:
                return found
        if word.startswith("--coverageThreshold") and (match := _SCRIPT_VALUE.search(word + " ".join(words[number + 1 : number + 2]))):
            return _number(match["value"])
    return None


def _python(words: tuple[str, ...], files: Files, folder: str) -> float | None:
    project: dict[str, Any] = {}
    if joined(folder, "pyproject.toml") in files:
        try:
            project = toml_of(files, joined(folder, "pyproject.toml"))
        except TaskFault:
            project = {}
    sections = {name: _sections(files, joined(folder, name)) for name in (".coveragerc", "setup.cfg", "tox.ini", "pytest.ini")}
    pytest = project.get("tool", {}).get("pytest", {}) if isinstance(project.get("tool"), dict) else {}
    options = pytest.get("ini_options", {}).get("addopts", "") if isinstance(pytest, dict) else ""
    options = " ".join(map(str, options)) if isinstance(options, list) else str(options)
    options += " " + sections["pytest.ini"].get("pytest", {}).get("addopts", "")
    options += " " + sections["setup.cfg"].get("tool:pytest", {}).get("addopts", "")
    options += " " + sections["tox.ini"].get("pytest", {}).get("addopts", "")
    added = tuple(options.split())
    is_pytest = words[0] != "coverage"
    if is_pytest and (found := _on_command_line(added)) is not None:
        return found
    measured = any(word.startswith("--cov") for word in (*words, *added)) if is_pytest else words[1:2] == ("report",)
    if not measured or "--no-cov" in words:
        return None
    for name, section in ((".coveragerc", "report"), ("setup.cfg", "coverage:report"), ("tox.ini", "coverage:report")):
        if (value := _number(sections[name].get(section, {}).get("fail_under"))) is not None:
            return value
    report: Any = project.get("tool", {})
    for key in ("coverage", "report", "fail_under"):
        report = report.get(key) if isinstance(report, dict) else None
    return _number(report)


def _javascript(words: tuple[str, ...], files: Files, folder: str) -> float | None:
    """Thresholds count only where coverage is measured."""
    measured = any(word in ("--coverage", "--coverage.enabled", "--coverage=true", "--coverage.enabled=true") for word in words)
    jest = _package(files, folder).get("jest")
    texts = [json.dumps(jest)] if isinstance(jest, dict) else []
    for name in _JS_CONFIGS:
        if joined(folder, name) in files:
            try:
                texts.append(_COMMENT.sub(" ", text_of(files, joined(folder, name))[:100_000]))
            except TaskFault:
                continue
    for text in texts:
        switched_on = measured or re.search(r"collectCoverage['\"]?\s*:\s*true|coverage\s*:\s*\{[^}]*enabled\s*:\s*true", text) is not None
        limits = _SCRIPT_LIMIT.search(text)
        found = {m["what"]: m["value"] for m in _SCRIPT_VALUE.finditer(limits["body"])} if limits else {}
        if switched_on and found:
            return _number(found.get("lines", found.get("statements")))
    return None


def _package(files: Files, folder: str) -> dict[str, Any]:
    try:
        document = json.loads(text_of(files, joined(folder, "package.json")))
    except (TaskFault, ValueError, RecursionError):
        return {}
    return {k: v for k, v in document.items() if isinstance(v, dict)} if isinstance(document, dict) else {}


def _sections(files: Files, path: str) -> dict[str, dict[str, str]]:
    try:
        return ini(text_of(files, path)) if path in files else {}
    except TaskFault:
        return {}


def _number(value: Any) -> float | None:
    text = str(value).strip()
    return float(text) if value is not None and not isinstance(value, bool) and _NUMBER.match(text) else None
