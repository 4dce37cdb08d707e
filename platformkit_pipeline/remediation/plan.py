"""One plan per target: every failing finding becomes a patch or a manual item, in the order of application."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.model.patch import Effects, ManualItem, Patch, Plan, plan_id_of
from platformkit_pipeline.model.result import Outcome, Result, finding_fingerprint
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.remediation.extensions import move_extension
from platformkit_pipeline.remediation.foreign_keys import index_foreign_key
from platformkit_pipeline.remediation.functions import fix_search_path
from platformkit_pipeline.remediation.performance import create_missing_index, drop_unused_index, repack_table, tune_statement
from platformkit_pipeline.remediation.policies import check_what_rows_become, evaluate_once
from platformkit_pipeline.remediation.proposal import ByHand, Change, Generator, Proposal, Remedy
from platformkit_pipeline.remediation.row_level_security import enable_row_level_security
from platformkit_pipeline.remediation.tenant_boundary import confine_to_tenant
from platformkit_pipeline.remediation.views import read_as_the_caller
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import find_rule

_ENABLE_RLS = Remedy(
    enable_row_level_security, ("ALTER TABLE ENABLE ROW SECURITY", "ALTER TABLE DISABLE ROW SECURITY", "DROP POLICY", "CREATE POLICY")
)
_BOUNDARY = Remedy(confine_to_tenant, ("DROP POLICY", "CREATE POLICY"))
REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        # in the order of application: functions may rely on a moved extension; index builds cannot share a transaction, so they come last
        "EXT001": Remedy(move_extension, ("CREATE SCHEMA", "GRANT", "ALTER EXTENSION SET SCHEMA", "DROP SCHEMA")),
        "FUN001": Remedy(fix_search_path, ("ALTER FUNCTION SET", "ALTER PROCEDURE SET")),
        "RLS001": _ENABLE_RLS,
        "RLS002": _ENABLE_RLS,
        "RLS017": _ENABLE_RLS,
        "RLS007": Remedy(read_as_the_caller, ("ALTER VIEW SET REL OPTIONS", "ALTER VIEW RESET REL OPTIONS")),
        "RLS012": Remedy(check_what_rows_become, ("ALTER POLICY",)),
        "RLS010": Remedy(evaluate_once, ("ALTER POLICY",)),
        "RLS004": _BOUNDARY,
        "RLS005": _BOUNDARY,
        "RLS016": _BOUNDARY,
        "TEN003": _BOUNDARY,
        "FKY003": Remedy(index_foreign_key, ("CREATE INDEX", "DROP INDEX")),
    }
)
ADVISORS: Mapping[str, Generator] = MappingProxyType(
    {
        "PRF001": tune_statement,
        "PRF003": tune_statement,
        "PRF004": repack_table,
        "IDX002": create_missing_index,
        "IDX004": drop_unused_index,
    }
)
"""Rules whose findings are for a person, with more to say than `how_to_fix`: plans, and the statements that would help."""
_ORDER = {code: position for position, code in enumerate(REMEDIES)}


def plan_for(report: ScanReport, snapshot: Snapshot, declarations: Declarations) -> Plan:
    """The plan for the failing findings of `report`. Unknown findings get none: what was not seen cannot be mended."""
    return build_plan(report.target, report.scan_id, report.catalog_fingerprint, report.results, snapshot, declarations)


def build_plan(
    target: Target, scan_id: str, base_fingerprint: str, results: tuple[Result, ...], snapshot: Snapshot, declarations: Declarations
) -> Plan:
    """Same snapshot and same findings give the same plan, with the same id."""
    catalog = Catalog(snapshot, declarations)
    patches: list[Patch] = []
    manual: list[ManualItem] = []
    for finding in results:
        if finding.outcome is not Outcome.FAIL:
            continue
        fingerprint = finding_fingerprint(target, finding.rule, finding.object)
        proposal = _proposal(catalog, finding)
        if isinstance(proposal, ByHand):
            manual.append(ManualItem(finding.rule, finding.object, fingerprint, proposal.reason, proposal.steps))
        else:
            patches.append(_patch(finding, fingerprint, proposal))
    partitions = {(r.schema, r.name) for r in snapshot.relations if r.is_partition}
    ordered = tuple(
        sorted(
            patches, key=lambda p: (_ORDER[p.rule], not p.transactional, (p.object.schema, p.object.name) in partitions, p.object.canonical)
        )
    )
    items = tuple(manual)
    return Plan(
        plan_id=plan_id_of(target.name, base_fingerprint, ordered, items),
        target_name=target.name,
        scan_id=scan_id,
        base_fingerprint=base_fingerprint,
        patches=ordered,
        manual_items=items,
    )


def _proposal(catalog: Catalog, finding: Result) -> Proposal:
    if remedy := REMEDIES.get(finding.rule):
        return remedy.generate(catalog, finding)
    advise = ADVISORS.get(finding.rule)
    return advise(catalog, finding) if advise else _advice(finding)


def _patch(finding: Result, fingerprint: str, change: Change) -> Patch:
    return Patch(
        rule=finding.rule,
        object=finding.object,
        finding_fingerprint=fingerprint,
        title=change.title,
        up=change.up,
        down=change.down,
        transactional=change.transactional,
        notes=change.notes,
        effects=Effects(REMEDIES[finding.rule].statements, change.objects, change.access, change.successors),
    )


def _advice(finding: Result) -> ByHand:
    rule = find_rule(finding.rule)
    return ByHand(reason="it needs a decision that the catalogue does not hold", steps=(rule.how_to_fix,) if rule else ())
