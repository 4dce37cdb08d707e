"""A hook that looks for secrets before a commit (clause 2.4)."""

from __future__ import annotations

import re

import yaml

from platformkit_pipeline.introspection.repository.safe_yaml import YamlRefused, load_yaml
from platformkit_pipeline.introspection.repository.secret_hooks import PRE_COMMIT, other_hook_files
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.templates import TOOLS
from platformkit_pipeline.remediation.repository.text_files import editable

_INSTALL = "Everybody runs `pre-commit install` once in each clone; no repository can see whether they did."
_COMMAND = "kingfisher scan --staged --no-validate --no-update-check --redact --confidence low ."
_ITEM = (
    "- repo: local",
    "  hooks:",
    "    - id: kingfisher",
    "      name: no secrets",
    f"      entry: {_COMMAND}",
    "      language: python",
    f'      additional_dependencies: ["kingfisher-bin=={TOOLS["kingfisher"]}"]',
    "      pass_filenames: false",
)


def add_secret_hook(context: RepositoryContext, _: Result) -> Edit | ByHand:
    """The hook in the configuration of pre-commit, which is made where there is no other kind of hooks."""
    path = next((path for path in PRE_COMMIT if path in context.files), None)
    others = other_hook_files(context.files)
    if path is None and others:
        return ByHand(f"hooks are configured in {others[0]}, which is no list that could be added to", (f"Let it run `{_COMMAND}`.",))
    if path is None:
        text = "# `pre-commit install` once.\nrepos:\n" + "".join(f"  {line}\n" for line in _ITEM)
        return Edit(f"Add {PRE_COMMIT[0]} with a hook that looks for secrets", {PRE_COMMIT[0]: text.encode()}, (_INSTALL,))
    if context.snapshot.secret_hooks:
        return Edit("Look for secrets", {path: context.files.data(path)})
    document = editable(context.files, path)
    added = _added(document.text)
    if added is None:
        steps = (f"Add to `repos` of {path}:\n" + "\n".join(_ITEM), _INSTALL)
        return ByHand(f"`repos` of {path} is no list of one item a line", steps)
    return Edit(f"Look for secrets in {path}", {path: document.encoded(added)}, (_INSTALL,))


def _added(text: str) -> str | None:
    """The text with one more item at the end of `repos`; None where that cannot be done by adding lines."""
    try:
        before = load_yaml(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, YamlRefused):
        return None
    pairs = root.value if isinstance(root, yaml.MappingNode) and not root.flow_style else []
    node = next((value for key, value in pairs if key.value == "repos"), None)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or not node.value:
        return None
    lines = text.split("\n")
    indent = re.match(r"[ ]*", lines[node.value[0].start_mark.line])
    last = _last_line(node)
    made = [*lines[: last + 1], *(f"{indent[0] if indent else ''}{line}" for line in _ITEM), *lines[last + 1 :]]
    after = load_yaml("\n".join(made))
    expected = {**before, "repos": [*before["repos"], load_yaml("\n".join(_ITEM))[0]]}
    return "\n".join(made) if after == expected else None


def _last_line(node: yaml.Node) -> int:
    """Of what the node holds; its own end mark lies behind blank lines and comments."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return max(_last_line(part) for pair in node.value for part in pair)
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return max(_last_line(part) for part in node.value)
    end: int = node.end_mark.line
    return end - 1 if node.end_mark.column == 0 and end > node.start_mark.line else end
