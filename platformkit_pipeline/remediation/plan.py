"""One plan per target: every failing finding becomes a patch or a manual item, in the order of application."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from platformkit_pipeline.model.patch import Effects, ManualItem, Patch, Plan, plan_id_of
from platformkit_pipeline.model.result import Outcome, Result, finding_fingerprint
from platformkit_pipeline.model.scan import ScanReport
from platformkit_pipeline.model.snapshot import Snapshot
from platformkit_pipeline.model.target import Declarations, Target
from platformkit_pipeline.remediation.audit_columns import add_timestamps, keep_updated_at
from platformkit_pipeline.remediation.audit_steps import add_actor_columns, log_deletions, mend_timestamp
from platformkit_pipeline.remediation.default_privileges import stop_granting
from platformkit_pipeline.remediation.duplicate_indexes import drop_duplicate_index
from platformkit_pipeline.remediation.exposure import (
    close_to_clients,
    make_append_only,
    protect_sensitive_columns,
    revoke_what_no_policy_holds_back,
)
from platformkit_pipeline.remediation.exposure_advice import close_bucket_listing, close_queue, leave_graphql, update_extension
from platformkit_pipeline.remediation.extensions import move_extension
from platformkit_pipeline.remediation.foreign_keys import make_restrict_explicit
from platformkit_pipeline.remediation.function_advice import hand_over_definer, justify_definer, quote_dynamic_sql
from platformkit_pipeline.remediation.function_privileges import close_to_strangers, close_to_users
from platformkit_pipeline.remediation.functions import fix_search_path, mend_search_path
from platformkit_pipeline.remediation.index_repairs import repair_index
from platformkit_pipeline.remediation.missing_indexes import index_foreign_key, index_policy_columns
from platformkit_pipeline.remediation.performance import create_missing_index, drop_unused_index, repack_table, tune_statement
from platformkit_pipeline.remediation.policies import ask_once, confine_to_tenant, repeat_using_as_check, tie_to_tenant
from platformkit_pipeline.remediation.policy_steps import (
    admit_somebody,
    agree_on_grants,
    break_recursion,
    leave_user_metadata,
    merge_policies,
    refer_to_primary_key,
    stop_bypassing,
)
from platformkit_pipeline.remediation.proposal import ByHand, Change, Generator, Proposal, Remedy
from platformkit_pipeline.remediation.reference_steps import carry_tenant, declare_reference, validate_reference
from platformkit_pipeline.remediation.row_level_security import enable_row_level_security
from platformkit_pipeline.remediation.schema_steps import add_primary_key, force_row_level_security, keep_as_text, take_secret_out
from platformkit_pipeline.remediation.tenant_boundary import draw_tenant_boundary
from platformkit_pipeline.remediation.tenant_steps import add_tenant_column, mend_tenant_column
from platformkit_pipeline.remediation.views import read_as_caller
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.registry import find_rule
from platformkit_pipeline.sqltext.secrets import MARKER

_PROTECTING = ("ALTER TABLE ENABLE ROW SECURITY", "ALTER TABLE DISABLE ROW SECURITY", "DROP POLICY", "CREATE POLICY", "ALTER POLICY")
_REVOKING = ("REVOKE ON TABLE", "GRANT ON TABLE")
_BUILDS = ("CREATE INDEX", "REINDEX", "ALTER INDEX ATTACH PARTITION", "DROP INDEX", "COMMENT ON INDEX")
_SETS_PATH = ("ALTER FUNCTION SET search_path", "ALTER PROCEDURE SET search_path")
_TOUCHES = ("CREATE FUNCTION", "DROP FUNCTION", "REVOKE ON FUNCTION", "CREATE TRIGGER", "DROP TRIGGER")
_REPLACES_CONSTRAINTS = (
    "ALTER TABLE ADD CONSTRAINT FOREIGN KEY",
    "ALTER TABLE VALIDATE CONSTRAINT",
    "ALTER TABLE DROP CONSTRAINT",
    "ALTER CONSTRAINT RENAME",
    "COMMENT ON CONSTRAINT",
)

REMEDIES: Mapping[str, Remedy] = MappingProxyType(
    {
        # in the order of application: functions may rely on a moved extension; index builds cannot share a transaction, so they come last
        "EXT001": Remedy(move_extension, ("CREATE SCHEMA", "GRANT ON SCHEMA", "ALTER EXTENSION SET SCHEMA", "DROP SCHEMA")),
        "FUN001": Remedy(fix_search_path, _SETS_PATH),
        "FUN002": Remedy(fix_search_path, _SETS_PATH),
        "FUN003": Remedy(mend_search_path, _SETS_PATH),
        "FUN005": Remedy(close_to_strangers, ("REVOKE ON FUNCTION", "GRANT ON FUNCTION")),
        "FUN006": Remedy(close_to_users, ("REVOKE ON FUNCTION", "GRANT ON FUNCTION")),
        "RLS001": Remedy(enable_row_level_security, _PROTECTING),
        "RLS002": Remedy(enable_row_level_security, _PROTECTING),
        "RLS017": Remedy(enable_row_level_security, _PROTECTING),
        "API002": Remedy(protect_sensitive_columns, (*_PROTECTING, *_REVOKING)),
        "RLS004": Remedy(tie_to_tenant, ("ALTER POLICY",)),
        "RLS005": Remedy(tie_to_tenant, ("ALTER POLICY",)),
        "RLS012": Remedy(repeat_using_as_check, ("ALTER POLICY",)),
        "TEN003": Remedy(confine_to_tenant, ("ALTER POLICY", "DROP POLICY", "CREATE POLICY")),
        "RLS010": Remedy(ask_once, ("ALTER POLICY",)),
        "RLS016": Remedy(draw_tenant_boundary, ("DROP POLICY", "CREATE POLICY")),
        "RLS007": Remedy(read_as_caller, ("ALTER VIEW SET REL OPTIONS security_invoker", "ALTER VIEW RESET REL OPTIONS security_invoker")),
        "RLS008": Remedy(close_to_clients, _REVOKING),
        "RLS009": Remedy(close_to_clients, _REVOKING),
        "API001": Remedy(close_to_clients, _REVOKING),
        "RLS013": Remedy(revoke_what_no_policy_holds_back, _REVOKING),
        "AUD006": Remedy(make_append_only, _REVOKING),
        "API007": Remedy(stop_granting, ("ALTER DEFAULT PRIVILEGES REVOKE", "ALTER DEFAULT PRIVILEGES GRANT")),
        "AUD001": Remedy(add_timestamps, ("ALTER TABLE ADD COLUMN", "ALTER TABLE DROP COLUMN", *_TOUCHES)),
        "AUD005": Remedy(keep_updated_at, _TOUCHES),
        # from here on statements commit by themselves
        "FKY002": Remedy(make_restrict_explicit, _REPLACES_CONSTRAINTS),
        # what is there is repaired first, what is missing is built, and only then goes what others make superfluous
        "IDX005": Remedy(repair_index, _BUILDS),
        "FKY003": Remedy(index_foreign_key, _BUILDS),
        "IDX001": Remedy(index_policy_columns, _BUILDS),
        "IDX003": Remedy(drop_duplicate_index, ("DROP INDEX", "CREATE INDEX", "CREATE UNIQUE INDEX", "COMMENT ON INDEX")),
    }
)
ADVISORS: Mapping[str, Generator] = MappingProxyType(
    {
        "PRF001": tune_statement,
        "PRF003": tune_statement,
        "PRF004": repack_table,
        "IDX002": create_missing_index,
        "IDX004": drop_unused_index,
        "RLS003": admit_somebody,
        "RLS006": leave_user_metadata,
        "RLS011": merge_policies,
        "RLS014": stop_bypassing,
        "RLS018": agree_on_grants,
        "RLS019": break_recursion,
        "FKY005": refer_to_primary_key,
        "API003": close_bucket_listing,
        "API004": leave_graphql,
        "API005": leave_graphql,
        "API006": close_queue,
        "EXT002": update_extension,
        "FUN004": justify_definer,
        "FUN007": hand_over_definer,
        "FUN008": quote_dynamic_sql,
        "AUD002": mend_timestamp,
        "AUD003": add_actor_columns,
        "AUD004": log_deletions,
        "FKY001": declare_reference,
        "FKY004": validate_reference,
        "KEY001": add_primary_key,
        "RLS015": force_row_level_security,
        "SEC010": take_secret_out,
        "TEN001": add_tenant_column,
        "TEN002": mend_tenant_column,
        "TEN004": carry_tenant,
        "TYP001": keep_as_text,
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
        proposal = remedy.generate(catalog, finding)
        if isinstance(proposal, Change) and any(MARKER in statement for statement in (*proposal.up, *proposal.down)):
            return _masked(finding)
        return proposal
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


def _masked(finding: Result) -> ByHand:
    """What was masked when it was observed must not be written back."""
    return ByHand(
        reason="a text that would have to be written anew holds a secret, which was never observed",
        steps=(
            "Take the secret out first (SEC010): keep it in the vault, and read it from there.",
            f"Then plan again, or mend {finding.object.canonical} by hand: {finding.message}.",
        ),
    )


def _advice(finding: Result) -> ByHand:
    rule = find_rule(finding.rule)
    return ByHand(reason="it needs a decision that the catalogue does not hold", steps=(rule.how_to_fix,) if rule else ())
