"""What the Supabase advisors say of the sample projects after their plans were applied, and did not say before.

`python -m tools.oracle.patched` (needs npm and the network, like the oracle). Exit code 1 when they find something new, apart from what
they say of every new index and of every closed partition.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.target import Target, TargetKind
from platformkit_pipeline.operations.prove_plan import prove
from platformkit_pipeline.remediation.application import apply_groups, groups_of
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.remediation.proving.execution import Timeouts
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Scope, rules_for
from platformkit_pipeline.sandbox.databases import with_user
from platformkit_pipeline.sandbox.sample_platform import SAMPLE_PROJECTS, SampleProject
from tools.oracle.peers import OracleError, ask_splinter, install
from tools.oracle.subjects import OracleServer, subjects

NOT_READ_YET = "unused_index"
"""Said of every index that was built a second ago."""
NO_POLICY = "rls_enabled_no_policy"
"""Said of a partition that is closed on purpose: its rows are reached through the table above it."""


def main() -> int:
    """Print what is new, project by project."""
    try:
        install()
    except OracleError as error:
        print(f"oracle: {error}", file=sys.stderr)
        return 2
    new = 0
    with tempfile.TemporaryDirectory(prefix="platformkit-oracle-") as folder:
        Path(folder).chmod(0o755)  # the server's account must reach its data
        with OracleServer(Path(folder) / "server").running() as server:
            for project in SAMPLE_PROJECTS:
                new += _compare(server, project)
    return 1 if new else 0


def _compare(server: OracleServer, project: SampleProject) -> int:
    database = f"{project.database}_patched"
    next(s for s in subjects() if s.name == project.name).make(server, database)
    before = {(f.lint, f.place) for f in ask_splinter(server.url(database))}
    patches = _apply(server, database, project)
    after = {(f.lint, f.place) for f in ask_splinter(server.url(database))}
    new = sorted(after - before)
    partitions = {f"{r.schema}.{r.name}" for r in observe(server.dsn(database)).relations if r.is_partition}
    unexpected = [(lint, place) for lint, place in new if lint != NOT_READ_YET and not (lint == NO_POLICY and place in partitions)]
    print(f"{project.name}: {patches} patches; {len(before)} findings of the advisors before, {len(after)} after, {len(new)} new")
    for lint, place in unexpected:
        print(f"  new: {lint} {place}")
    return len(unexpected)


def _apply(server: OracleServer, database: str, project: SampleProject) -> int:
    dsn, rules = server.dsn(database), rules_for(Scope.PROJECT)
    seen = observe(dsn)
    results = evaluate(seen, project.declarations, rules)
    target = Target(TargetKind.SUPABASE_PROJECT, project.name)
    plan = prove(build_plan(target, "scan", catalog_fingerprint(seen), results, seen, project.declarations), seen, project.declarations)
    apply_groups(with_user(dsn, "postgres"), groups_of(plan.offered), Timeouts(5, 60), 60)
    return len(plan.offered)


if __name__ == "__main__":
    sys.exit(main())
