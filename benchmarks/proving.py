"""What a proof costs: one patch and a plan of 100, on 500 tables. The peer makes its copy with pg_dump and psql for every patch.

`python -m benchmarks.proving [--tables 500] [--patches 100]`; prints seconds and ratios of the same run.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from benchmarks.catalogue import make_catalogue, prepare_server
from platformkit_pipeline.introspection.postgres.fingerprint import catalog_fingerprint
from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.dsn import Dsn
from platformkit_pipeline.model.patch import Plan
from platformkit_pipeline.model.proof import ProofStatus
from platformkit_pipeline.model.target import Declarations, Target, TargetKind
from platformkit_pipeline.operations.prove_plan import on_two_processors
from platformkit_pipeline.remediation.plan import build_plan
from platformkit_pipeline.remediation.proving.plan_proof import prove_plan
from platformkit_pipeline.remediation.proving.prover import Prover
from platformkit_pipeline.remediation.shadows import ShadowServer
from platformkit_pipeline.reporting.plan import proof_words
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Scope, rules_for
from platformkit_pipeline.sandbox.databases import connect, create_database, with_user
from platformkit_pipeline.sandbox.embedded import EmbeddedPostgres
from platformkit_pipeline.sandbox.supabase import GrantRegime, install_supabase_shape

_PLANT = """
do $$ declare t record; n int := 0; begin
  for t in select i.indexrelid::regclass as index
    from pg_constraint c join pg_index i on i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1] and not i.indisunique
    join pg_class r on r.oid = c.conrelid
    where c.contype = 'f' and r.relkind = 'r' and cardinality(c.conkey) = 1 and r.relowner = current_user::regrole
    order by i.indexrelid loop
    exit when n >= {0};
    execute format('drop index if exists %s', t.index); n := n + 1;
  end loop;
  n := 0;
  for t in select c.oid::regclass as relation from pg_class c join pg_namespace s on s.oid = c.relnamespace
    where c.relkind = 'r' and c.relrowsecurity and c.relowner = current_user::regrole order by c.oid desc loop
    exit when n >= {0};
    execute format('alter table %s disable row level security', t.relation); n := n + 1;
  end loop;
end $$
"""


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=500)
    parser.add_argument("--patches", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "server", settings={"fsync": "off", "autovacuum": "off"})
        server.ensure()
        try:
            install_supabase_shape(create_database(server.dsn(), "shape"), grants=GrantRegime.EXPLICIT)
            prepare_server(server)
            dsn = make_catalogue(server, "shape", "target", given.tables)
            with connect(with_user(dsn, "postgres")) as connection:
                connection.execute(_PLANT.format(given.patches // 2).encode())
            _measure(server, dsn, given.patches, Path(folder))
        finally:
            server.destroy()


def _measure(server: EmbeddedPostgres, dsn: Dsn, patches: int, folder: Path) -> None:
    snapshot, rules, declared = observe(dsn), rules_for(Scope.PROJECT), Declarations()
    results = evaluate(snapshot, declared, rules)
    plan = build_plan(Target(TargetKind.SUPABASE_PROJECT, "bench"), "scan", catalog_fingerprint(snapshot), results, snapshot, declared)
    plan = replace(plan, patches=plan.patches[:patches])
    peer = _peer(server, dsn, folder)
    started = time.perf_counter()
    with ShadowServer(parent=folder / "shadows") as shadows:
        template = shadows.template(snapshot)
        built = time.perf_counter() - started
        with closing(Prover(shadows, snapshot, declared, rules, plan.base_fingerprint, template.unfaithful)) as prover:
            started = time.perf_counter()
            first = prover.prove(plan.patches[0])
            one = time.perf_counter() - started
            started = time.perf_counter()
            proven = prove_plan(prover, plan, prove_each=on_two_processors)
            whole = time.perf_counter() - started
    _report(len(snapshot.relations), proven, first.status, peer, built, one, whole)


def _peer(server: EmbeddedPostgres, dsn: Dsn, folder: Path) -> float:
    """Seconds for one schema-only copy by pg_dump and psql, which whoever tries a patch on a copy has to make."""
    url, file = dsn.reveal(), folder / "dump.sql"
    copy = create_database(server.dsn(), "peer")
    bindir = server.binaries.bindir
    started = time.perf_counter()
    subprocess.run([bindir / "pg_dump", "--schema-only", "--file", file, url], check=True)
    subprocess.run(
        [bindir / "psql", "--quiet", "--no-psqlrc", "--output", "/dev/null", "--file", file, copy.reveal()],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def _report(relations: int, plan: Plan, first: ProofStatus, peer: float, built: float, one: float, whole: float) -> None:
    proven = sum(p.status is ProofStatus.PROVEN for p in plan.patches)
    together = plan.proof.proof.status.value if plan.proof else "not tried"
    print(f"{relations} relations; {len(plan.patches)} patches, {proven} proven alone, together: {together}")
    for patch in plan.withheld:
        print(f"withheld: {patch.rule} {patch.object}: {proof_words(patch.proof)}")
    print(f"copy by pg_dump and psql        {peer:7.2f} s")
    print(f"shadow, built and compared      {built:7.2f} s   {built / peer:.2f} x the copy")
    print(f"first patch ({first.value})     {one:7.2f} s   {one / peer:.2f} x the copy")
    print(
        f"plan of {len(plan.patches):3d}                     {whole:7.2f} s   {whole / (peer * len(plan.patches)):.2f} x a copy per patch"
    )


if __name__ == "__main__":
    main()
