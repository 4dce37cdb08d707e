"""A repository's plan as a document, and its patches as mails that `git am` takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from platformkit_pipeline import __version__
from platformkit_pipeline.model.identity import identity_document
from platformkit_pipeline.model.patch import ManualItem
from platformkit_pipeline.model.plan_document import manual_document, obligation_documents
from platformkit_pipeline.model.proof import ProofStatus, Verdict
from platformkit_pipeline.model.repository.github_setting import SettingProposal
from platformkit_pipeline.model.repository.patch import FilePatch, FileProof, RepositoryPlan
from platformkit_pipeline.reporting.markdown import code, escape, fenced
from platformkit_pipeline.reporting.plan import objection_words
from platformkit_pipeline.rules.registry import find_rule

SCHEMA_VERSION = 1
_APPLY_SETTINGS = (
    "`platformkit apply --repo PATH --github OWNER/NAME --github-settings --approved-by WHO` writes it: what is there is kept as undo "
    "first, and put back unless this holds."
)
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
        "settings": [_setting_document(setting) for setting in plan.settings],
        "manual_items": [manual_document(item) for item in plan.manual_items],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def repository_plan_markdown(plan: RepositoryPlan) -> str:
    """Every patch with its diff and what its proof said, then what is left to a person."""
    counts = [f"{len(plan.offered)} patches", *([f"{len(plan.withheld)} withheld"] if plan.withheld else [])]
    counts += [f"{len(plan.settings)} settings on GitHub"] if plan.settings else []
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
        parts.append(fenced(patch.diff.rstrip(), "diff"))
    parts += [_withheld(patch) for patch in plan.withheld]
    parts += [_setting(setting) for setting in plan.settings]
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
    parts += [_setting(setting) for setting in plan.settings]
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
    return f"{proof.status.value}: {'; '.join(objection_words(proof))}"


def _proof_lines(proof: FileProof | None) -> Iterator[str]:
    if proof is None:
        yield "Proof: UNPROVEN, review it and try it on a copy first"
        return
    yield f"Proof: {proof.status.value.upper()} (rules {proof.ruleset_digest})"
    yield f"Tree: {proof.base_tree} -> {proof.patched_tree}"
    for finding in proof.findings:
        yield f"  ({int(finding.obligation)}) {finding.obligation.demand}: {finding.verdict.value}"


def _withheld(patch: FilePatch) -> str:
    reasons = "".join(f"\n- {escape(reason)}" for reason in (objection_words(patch.proof) if patch.proof else ()))
    about = f"{patch.rule}, {code(str(patch.object))}: the generated patch was tried and is not offered."
    rule = find_rule(patch.rule)
    by_hand = f"\n\nBy hand: {escape(rule.how_to_fix)}" if rule else ""
    return f"### Withheld: {escape(patch.title)}\n\n{about}{reasons}{by_hand}"


def _setting(setting: SettingProposal) -> str:
    notes = "".join(f"\n- {escape(note)}" for note in setting.notes)
    return (
        f"### On GitHub: {escape(setting.title)}\n\n{', '.join(setting.rules)}. Afterwards {escape(setting.postcondition)}. "
        f"{escape(_APPLY_SETTINGS)}{notes}"
    )


def _by_hand(item: ManualItem) -> str:
    steps = "".join(f"\n{number}. {escape(step)}" for number, step in enumerate(item.steps, 1))
    return f"### {item.rule} {code(str(item.object))}\n\nFor a person: {escape(item.reason)}.\n{steps}"


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


def _setting_document(setting: SettingProposal) -> dict[str, Any]:
    return {
        "rules": list(setting.rules),
        "findings": list(setting.finding_fingerprints),
        "kind": setting.kind.value,
        "title": setting.title,
        "branch": setting.branch or None,
        "checks": [{"context": check.context, "integration": check.integration} for check in setting.checks],
        "features": list(setting.features),
        "postcondition": setting.postcondition,
        "notes": list(setting.notes),
    }


def _proof_document(proof: FileProof | None) -> dict[str, Any] | None:
    if proof is None:
        return None
    return {
        "status": proof.status.value,
        "base_tree": proof.base_tree,
        "patched_tree": proof.patched_tree,
        "ruleset_digest": proof.ruleset_digest,
        "obligations": obligation_documents(proof.findings),
    }
