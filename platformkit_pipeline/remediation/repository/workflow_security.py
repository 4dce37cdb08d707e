"""What zizmor finds in workflows, where mending it cannot change what a job does (clauses 1.3, 4.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from platformkit_pipeline.model.repository.workflows import Pin
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.repository import workflow_edits as edits
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext
from platformkit_pipeline.remediation.repository.templates import PLACEHOLDER, Digest
from platformkit_pipeline.remediation.repository.text_files import EditableText, editable

_READ_ONLY = (
    *("actions/checkout", "actions/setup-python", "actions/setup-node", "actions/setup-go", "actions/setup-java", "actions/cache"),
    *("actions/upload-artifact", "actions/download-artifact", "astral-sh/setup-uv", "supabase/setup-cli"),
    "actions/dependency-review-action",
)
"""Actions for which the right to read the commit is enough."""
_WRITES = re.compile(r"github\.token|GITHUB_TOKEN|\bsecrets\.(?!inherit\b)|\bgh[ \t]+\w|\bgit[ \t]+(?:-\S+[ \t]+)*push\b")
_USES_CREDENTIALS = re.compile(r"\bgit[ \t]+(?:-\S+[ \t]+|\S+=\S+[ \t]+)*(?:push|fetch|pull|clone|ls-remote|submodule|lfs)\b")
_ROUTE = re.compile(r"jobs/(?P<job>[^/]+)(?:/steps/(?P<step>\d+))?(?:/uses)?\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_RELEASE = re.compile(r"#[ \t]*(?P<release>v?\d[0-9A-Za-z.+-]{0,49})")


def mend_weakness(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """By the audit that found it; most need somebody who knows what the workflow is for."""
    audit = dict(finding.object.detail).get("audit", "")
    path = finding.object.name
    if not path.startswith(".github/workflows/"):
        return _by_hand(finding, f"{path} is an action, and who uses it cannot be seen here")
    remedy = _BY_AUDIT.get(audit)
    return (
        remedy(context, finding, editable(context.files, path)) if remedy else _by_hand(finding, "it depends on what the workflow is for")
    )


def known_digests(context: RepositoryContext) -> Mapping[str, tuple[Digest, ...]]:
    """Commits by action: those that were given, and those that workflows of this repository use with their release behind them."""
    found: dict[str, set[tuple[str, str | None]]] = {}
    for workflow in context.snapshot.workflows:
        uses = [use for job in workflow.jobs for use in job.uses if use.pin is Pin.SHA and _COMMIT.match(use.reference)]
        lines = context.files.text(workflow.path).split("\n") if uses else []
        for use in uses:
            release = _RELEASE.search(lines[use.line - 1]) if 0 < use.line <= len(lines) else None
            if release and use.reference != PLACEHOLDER:
                found.setdefault(use.name, set()).add((use.reference, release["release"]))
    for action, digest in context.digests.items():
        found[action] = {(digest.commit, digest.release)}
    return {action: tuple(Digest(*one) for one in sorted(digests, key=str)) for action, digests in sorted(found.items())}


def _restrict(context: RepositoryContext, finding: Result, document: EditableText) -> Edit | ByHand:
    """Read access for a workflow that says nothing, where nothing in it needs more."""
    path = finding.object.name
    workflow = next((one for one in context.snapshot.workflows if one.path == path), None)
    title = f"Let the jobs of {path} read and no more"
    if edits.value_at(document.text, ("permissions",)) == {"contents": "read"}:
        return Edit(title, {path: document.encoded(document.text)})
    uses = [use for job in workflow.jobs for use in job.uses] if workflow else []
    others = sorted({use.name for use in uses if use.pin is not Pin.LOCAL and use.name not in _READ_ONLY})
    doubt = _WRITES.search(document.text)
    if workflow is None or workflow.faults or others or doubt or any(job.calls for job in workflow.jobs):
        what = f"{others[0]} may need" if others else "the workflow uses its token, or what it calls does, and may need"
        return _by_hand(finding, f"{what} more than the right to read")
    changed = edits.with_read_permissions(document.text)
    if changed is None:
        return _by_hand(finding, "the permissions stand where adding lines does not help")
    return Edit(title, {path: document.encoded(changed)}, ("Jobs that say their own permissions keep them.",))


def _drop_credentials(_: RepositoryContext, finding: Result, document: EditableText) -> Edit | ByHand:
    """`persist-credentials: false` for a checkout, where no later step speaks with a server through git."""
    path = finding.object.name
    place = _ROUTE.match(dict(finding.object.detail).get("place", ""))
    if place is None or place["step"] is None:
        return _by_hand(finding, "the place is no step of a job")
    job, number = place["job"], int(place["step"])
    title = f"Do not leave credentials behind in job {job} of {path}"
    if edits.value_at(document.text, ("jobs", job, "steps", number, "with", "persist-credentials")) is False:
        return Edit(title, {path: document.encoded(document.text)})
    steps = edits.value_at(document.text, ("jobs", job, "steps"))
    if isinstance(steps, list) and any(_may_need_credentials(step) for step in steps[number + 1 :]):
        return _by_hand(finding, "a later step may speak with the repository by what the checkout leaves behind")
    changed = edits.without_credentials(document.text, job, number)
    if changed is None:
        return _by_hand(finding, "the step is written in a form that is not edited")
    note = "A script that speaks with the repository through git needs a token of its own then."
    return Edit(title, {path: document.encoded(changed)}, (note,))


def _may_need_credentials(step: object) -> bool:
    """It speaks with the repository through git, or hands over to an action about which that is not known."""
    uses = str(step.get("uses", "")) if isinstance(step, dict) else ""
    return bool(_USES_CREDENTIALS.search(str(step))) or bool(uses and uses.partition("@")[0] not in _READ_ONLY)


def _pin(context: RepositoryContext, finding: Result, document: EditableText) -> Edit | ByHand:
    """The commit of the same release, where it is known."""
    path = finding.object.name
    place = _ROUTE.match(dict(finding.object.detail).get("place", ""))
    if place is None:
        return _by_hand(finding, "the place is no step of a job")
    job, step = place["job"], int(place["step"]) if place["step"] is not None else None
    used = edits.value_at(document.text, ("jobs", job, "uses") if step is None else ("jobs", job, "steps", step, "uses"))
    name, _, reference = str(used).partition("@")
    title = f"Pin {name} in job {job} of {path}"
    if _COMMIT.match(reference):
        return Edit(title, {path: document.encoded(document.text)})
    fitting = [digest for digest in known_digests(context).get(name, ()) if _is_of(digest, reference)]
    if len(fitting) != 1:
        known = "several commits are" if fitting else "no commit is"
        steps = (
            f"Write `{name}: COMMIT RELEASE` into a file and plan again with `--action-digests FILE`; "
            f"`git ls-remote https://github.com/{'/'.join(name.split('/')[:2])} {reference}` tells the commit.",
        )
        return ByHand(f"{known} known for {reference} of {name}, and none is made up", steps)
    changed = edits.pinned(document.text, job, step, name, reference, fitting[0].commit, fitting[0].release or reference)
    if changed is None:
        return _by_hand(finding, "the line is written in a form that is not edited")
    return Edit(title, {path: document.encoded(changed)})


def _is_of(digest: Digest, reference: str) -> bool:
    """Whether a commit may stand for a tag: for `v4` it is `v4` or `v4.x`; one without a release was given for just this."""
    release = digest.release
    return release is None or release == reference or release.startswith(f"{reference}.") or f"v{release}".startswith(f"{reference}.")


def _by_hand(finding: Result, reason: str) -> ByHand:
    url = finding.evidence.get("url")
    steps = [f"{finding.message}."]
    steps.append(f"Do what {url} says." if url else "Do what zizmor says about the audit.")
    return ByHand(reason, (*steps, "`zizmor --offline .github/workflows` shows whether it is gone."))


_BY_AUDIT: Mapping[str, Callable[[RepositoryContext, Result, EditableText], Edit | ByHand]] = {
    "artipacked": _drop_credentials,
    "excessive-permissions": _restrict,
    "unpinned-uses": _pin,
}
