"""One plan per target: every failing finding becomes a patch or a manual item, in the order of application."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.model.patch import Effects, ManualItem, Patch, Plan, plan_id_of
from platformkit_pipeline.model.result import Outcome, Result, finding_fingerprint
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.remediation.audit_logs import close_audit_log
from platformkit_pipeline.remediation.client_grants import (
    close_accounts,
    close_foreign_table,
    close_materialized_view,
    revoke_past_policies,
)
from platformkit_pipeline.remediation.default_privileges import close_default_privileges
from platformkit_pipeline.remediation.exposure_advice import (
    close_bucket_listing,
    close_queue,
    hide_sensitive_columns,
    leave_graphql,
)
from platformkit_pipeline.remediation.extensions import move_extension, update_extension
from platformkit_pipeline.remediation.foreign_keys import index_foreign_key
from platformkit_pipeline.remediation.function_advice import hand_over_definer, justify_definer, quote_dynamic_sql
from platformkit_pipeline.remediation.function_paths import mend_search_path
from platformkit_pipeline.remediation.function_privileges import close_to_anon, close_to_users
from platformkit_pipeline.remediation.functions import fix_search_path
from platformkit_pipeline.remediation.performance import create_missing_index, drop_unused_index, repack_table, tune_statement
from platformkit_pipeline.remediation.proposal import ByHand, Change, Generator, Proposal, Remedy
from platformkit_pipeline.remediation.row_level_security import enable_row_level_security
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import find_rule

REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        # in the order of application: functions may rely on a moved extension; index builds cannot share a transaction, so they come last
        "EXT001": Remedy(move_extension, ("CREATE SCHEMA", "GRANT", "ALTER EXTENSION SET SCHEMA", "DROP SCHEMA")),
        "FUN001": Remedy(fix_search_path, ("ALTER FUNCTION SET", "ALTER PROCEDURE SET")),
        "FUN002": Remedy(fix_search_path, ("ALTER FUNCTION SET", "ALTER PROCEDURE SET")),
        "FUN003": Remedy(mend_search_path, ("ALTER FUNCTION SET", "ALTER PROCEDURE SET")),
        "FUN005": Remedy(close_to_anon, ("REVOKE", "GRANT")),
        "FUN006": Remedy(close_to_users, ("REVOKE", "GRANT")),
        "API001": Remedy(close_accounts, ("REVOKE", "GRANT")),
        "API007": Remedy(close_default_privileges, ("ALTER DEFAULT PRIVILEGES REVOKE", "ALTER DEFAULT PRIVILEGES GRANT")),
        "RLS008": Remedy(close_materialized_view, ("REVOKE", "GRANT")),
        "RLS009": Remedy(close_foreign_table, ("REVOKE", "GRANT")),
        "RLS013": Remedy(revoke_past_policies, ("REVOKE", "GRANT")),
        # behind RLS013, which gives by name what PUBLIC had: an audit log takes it away again
        "AUD006": Remedy(close_audit_log, ("REVOKE", "GRANT")),
        "RLS001": Remedy(
            enable_row_level_security,
            ("ALTER TABLE ENABLE ROW SECURITY", "ALTER TABLE DISABLE ROW SECURITY", "DROP POLICY", "CREATE POLICY"),
        ),
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
        "FUN004": justify_definer,
        "FUN007": hand_over_definer,
        "FUN008": quote_dynamic_sql,
        "API002": hide_sensitive_columns,
        "API003": close_bucket_listing,
        "API004": leave_graphql,
        "API005": leave_graphql,
        "API006": close_queue,
        "EXT002": update_extension,
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
