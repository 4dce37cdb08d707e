"""What a person does about API003 to API006 and EXT002: what may be meant, and what the platform owns or nothing leads back from."""

from __future__ import annotations

from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.proposal import ByHand, Proposal
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.sqltext.identifiers import identifier, qualified


def close_bucket_listing(_catalog: Catalog, finding: Result) -> Proposal:
    """API003: the policies are on a table of the platform, and a page may rely on the list."""
    bucket = finding.object.name
    policies = sorted(finding.evidence.get("policies", {}))
    return ByHand(
        f"whether a page lists the files of bucket {bucket} cannot be seen from here; serving them needs no policy",
        (
            "Search the application for `.list(` and for reads of storage.objects.",
            *(f"Where nothing lists them: drop policy if exists {identifier(p)} on storage.objects;" for p in policies),
            "Where users list their own files: create a SELECT policy with "
            "`owner_id = (select auth.uid())::text` in place of the one that is dropped.",
            *(("Enable row level security on storage.objects; the platform has it on.",) if not policies else ()),
        ),
    )


def leave_graphql(_catalog: Catalog, finding: Result) -> Proposal:
    """API004 and API005: whether the project uses GraphQL, and the table through it, is not in the catalogue."""
    name = qualified(finding.object.schema or "", finding.object.name)
    role = "anon" if finding.rule == "API004" else "authenticated"
    return ByHand(
        "whether the project uses GraphQL cannot be seen from here",
        (
            "Where it does not, which mends every finding of this kind at once: drop extension if exists pg_graphql;",
            f"Where it does, and {role} has no business with the relation: revoke select on {name} from public, {role};",  # noqa: S608 - a text for people, names are quoted
            "Else accept the finding with the reason: policies decide about rows, and names and columns are no secret.",
        ),
    )


def close_queue(_catalog: Catalog, finding: Result) -> Proposal:
    """API006: queue tables belong to the extension, and who sends and receives is a decision."""
    name = qualified(finding.object.schema or "", finding.object.name)
    roles = sorted(finding.evidence.get("reachable_by", {})) or ["anon", "authenticated"]
    return ByHand(
        "the table belongs to pgmq or its installer, and who is meant to send and receive is a decision",
        (
            f"Where only the server side uses the queue: revoke all on {name} from public, {', '.join(map(identifier, roles))};",
            f"Where clients do: alter table {name} enable row level security; with a policy per command for whom it is meant, in the same "
            "migration. Everybody who may read a queue may also take messages from it.",
            "The same for the archive (pgmq.a_…) and for every other queue.",
        ),
    )


def update_extension(_catalog: Catalog, finding: Result) -> Proposal:
    """EXT002: there is no way back to an older version, so no patch."""
    name = identifier(finding.object.name)
    return ByHand(
        "an update cannot be undone: extensions have no way back to an older version",
        (
            f"Read the release notes between {finding.evidence.get('version')} and {finding.evidence.get('default_version')}.",
            f"On a branch or copy first, as {finding.evidence.get('owner')}: alter extension {name} update;",
            "Run the application's tests there, then the same in production.",
        ),
    )
