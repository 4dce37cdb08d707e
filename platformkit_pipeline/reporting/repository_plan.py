"""A repository's plan as a document, and its patches as mails that `git am` takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from platformkit_pipeline import __version__
from platformkit_pipeline.model.identity import identity_document
from platformkit_pipeline.model.proof import ProofStatus, Verdict
from platformkit_pipeline.model.repository.patch import FileManualItem, FilePatch, FileProof, RepositoryPlan
from platformkit_pipeline.reporting.markdown import code, escape

SCHEMA_VERSION = 1
_WORD = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_NAME = 60


def repository_plan_json(plan: RepositoryPlan) -> str:
    """Version 1 of the document."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "kind": "repository",
        "plan_id": plan.plan_id,
        "target": plan.target_name,
        "scan_id": plan.scan_id,
        "commit": plan.commit,
        "score": {"before": plan.score_before, "after": plan.score_after},
        "proof": _proof_document(plan.together),
        "patches": [_patch_document(plan, patch) for patch in plan.patches],
        "manual_items": [_manual_document(item) for item in plan.manual_items],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def repository_plan_markdown(plan: RepositoryPlan) -> str:
    """Every patch with its diff and what its proof said, then what is left to a person."""
    counts = [f"{len(plan.offered)} patches", *([f"{len(plan.withheld)} withheld"] if plan.withheld else [])]
    counts.append(f"{len(plan.manual_items)} for a person")
    parts = [f"**{', '.join(counts)}.** Repository {escape(plan.target_name)}, commit {code(plan.commit)}."]
    if plan.together is not None:
        after = "cannot be told" if plan.score_after is None else f"{plan.score_after:g}"
        parts.append(
            f"Those that fit, together: {escape(proof_words(plan.together))}. Score {plan.score_before:g} now, {after} afterwards."
        )
    for patch in plan.offered:
        later = ". It touches the same lines as one before it: plan again when that is in" if patch.digest in plan.overlapping else ""
        parts.append(f"### {escape(patch.title)}\n\n{patch.rule}, {code(str(patch.object))}, {escape(proof_words(patch.proof))}{later}.")
        parts[-1] += "".join(f"\n- {escape(note)}" for note in patch.notes)
        parts.append(_block(patch.diff))
    parts += [_withheld(patch) for patch in plan.withheld]
    parts += [_by_hand(item) for item in plan.manual_items]
    return "\n\n".join(parts) + "\n"


def plan_manual(plan: RepositoryPlan) -> str:
    """What no patch file mends."""
    parts = [f"# To be done by hand: {escape(plan.target_name)}", f"Commit {code(plan.commit)}."]
    late = [p for p in plan.offered if p.digest in plan.overlapping]
    parts += [
        f"## Later: {escape(p.title)}\n\n{p.rule}: touches the same lines as another patch; plan again when that is in." for p in late
    ]
    parts += [_withheld(patch) for patch in plan.withheld]
    parts += [_by_hand(item) for item in plan.manual_items]
    return "\n\n".join(parts) + "\n"


def patch_file_name(number: int, patch: FilePatch) -> str:
    """`0001-DOC001-add-gemini-md.patch`."""
    return f"{number:04}-{patch.rule}-{_WORD.sub('-', patch.title.lower()).strip('-')[:_LONGEST_NAME].strip('-')}.patch"


def patch_text(plan: RepositoryPlan, patch: FilePatch) -> str:
    """The patch with its proof, for `git am` and for `git apply`."""
    lines = [
        f"From {plan.commit} Mon Sep 17 00:00:00 2001",
        "From: platformkit <platformkit@localhost>",
        "Date: Thu, 1 Jan 2026 00:00:00 +0000",
        f"Subject: [PATCH] {_one_line(patch.title)}",
        "",
        f"Rule: {patch.rule}",
        f"Object: {_one_line(str(patch.object))}",
        f"Finding: {patch.finding_fingerprint}",
        f"Plan: {plan.plan_id}",
        f"Base: {plan.commit}",
        *_proof_lines(patch.proof),
        *(_one_line(note) for note in patch.notes),
        "---",
        f"{patch.diff}-- ",
        f"platformkit {__version__}",
    ]
    return "\n".join(lines) + "\n"


def proof_words(proof: FileProof | None) -> str:
    """What became of the proof, in a few words."""
    if proof is None:
        return "unproven: nobody tried"
    held = sum(f.verdict is Verdict.HELD for f in proof.findings)
    if proof.status is ProofStatus.PROVEN:
        return f"proven: {held} obligations hold"
    return f"{proof.status.value}: {'; '.join(_objections(proof))}"


def _objections(proof: FileProof) -> Iterator[str]:
    for finding in proof.objections:
        verb = "failed" if finding.verdict is Verdict.FAILED else "could not be told"
        yield f"obligation {int(finding.obligation)} ({finding.obligation.demand}) {verb}: {finding.detail}"


def _proof_lines(proof: FileProof | None) -> Iterator[str]:
    if proof is None:
        yield "Proof: UNPROVEN, review it and try it on a copy first"
        return
    yield f"Proof: {proof.status.value.upper()} (rules {proof.ruleset_digest})"
    yield f"Tree: {proof.base_tree} -> {proof.patched_tree}"
    for finding in proof.findings:
        yield f"  ({int(finding.obligation)}) {finding.obligation.demand}: {finding.verdict.value}"


def _withheld(patch: FilePatch) -> str:
    reasons = "".join(f"\n- {escape(reason)}" for reason in (_objections(patch.proof) if patch.proof else ()))
    about = f"{patch.rule}, {code(str(patch.object))}: the generated patch was tried and is not offered."
    return f"### Withheld: {escape(patch.title)}\n\n{about}{reasons}"


def _by_hand(item: FileManualItem) -> str:
    steps = "".join(f"\n{number}. {escape(step)}" for number, step in enumerate(item.steps, 1))
    return f"### {item.rule} {code(str(item.object))}\n\nFor a person: {escape(item.reason)}.\n{steps}"


def _block(text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}diff\n{text.rstrip()}\n{fence}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _patch_document(plan: RepositoryPlan, patch: FilePatch) -> dict[str, Any]:
    return {
        "rule": patch.rule,
        "object": identity_document(patch.object),
        "finding": patch.finding_fingerprint,
        "title": patch.title,
        "paths": list(patch.paths),
        "diff": patch.diff,
        "notes": list(patch.notes),
        "digest": patch.digest,
        "offered": patch.offered,
        "overlaps": patch.digest in plan.overlapping,
        "proof": _proof_document(patch.proof),
    }


def _manual_document(item: FileManualItem) -> dict[str, Any]:
    return {
        "rule": item.rule,
        "object": identity_document(item.object),
        "finding": item.finding_fingerprint,
        "reason": item.reason,
        "steps": list(item.steps),
    }


def _proof_document(proof: FileProof | None) -> dict[str, Any] | None:
    if proof is None:
        return None
    return {
        "status": proof.status.value,
        "base_tree": proof.base_tree,
        "patched_tree": proof.patched_tree,
        "ruleset_digest": proof.ruleset_digest,
        "obligations": [
            {"number": int(f.obligation), "demand": f.obligation.demand, "verdict": f.verdict.value, "detail": f.detail}
            for f in proof.findings
        ],
    }
