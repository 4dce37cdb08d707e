"""`make oracle`: ask both peers and our rules about the same databases, and print who says what.

    python -m tools.oracle [--only TEXT] [--check]

Writes docs/differences.md (not with --only or --check). Ends with 1 when a difference belongs to no kind that
`tools.oracle.kinds` explains, or a database could not be made or read; 2 when a peer cannot be installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from platformkit_pipeline.introspection.postgres.observe import observe
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.rules.database.catalog import Catalog
from platformkit_pipeline.rules.evaluate import evaluate
from platformkit_pipeline.rules.registry import Rule, Scope, rules_for
from tools.oracle.compare import Difference, compare
from tools.oracle.document import document
from tools.oracle.kinds import KINDS, Facts, kind_of
from tools.oracle.mapping import Lint, counterparts
from tools.oracle.peers import PGRLS, ROOT, SPLINTER, OracleError, PeerFinding, ask_pgrls, ask_splinter, install
from tools.oracle.subjects import OracleServer, Subject, subjects

DOCUMENT = ROOT / "docs" / "differences.md"
SERVERS = 2
SHOWN = 40


@dataclass
class Outcome:
    """Of all subjects together."""

    agreed: Counter[Lint] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Difference] = field(default_factory=dict)
    unexplained: list[Difference] = field(default_factory=list)
    said: Counter[Lint] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    """Subjects that could not be made, or that a peer could not read, with the reason."""
    subjects: int = 0

    def add(self, other: Outcome) -> None:
        self.agreed += other.agreed
        self.explained += other.explained
        self.examples = {**other.examples, **self.examples}
        self.unexplained += other.unexplained
        self.said += other.said
        self.failed += other.failed
        self.subjects += other.subjects


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only subjects whose name contains this text")
    parser.add_argument("--check", action="store_true", help="leave docs/differences.md as it is")
    options = parser.parse_args()
    try:
        install()
    except OracleError as error:
        print(f"oracle: {error}", file=sys.stderr)
        return 2
    chosen = [s for s in subjects() if options.only in s.name]
    rules = rules_for(Scope.PROJECT)
    outcome = ask_about(chosen, rules)
    mapped = counterparts(rules)
    print_table(outcome, mapped)
    if not (options.only or options.check):
        DOCUMENT.write_text(document(outcome.agreed, outcome.said, outcome.explained, outcome.examples, mapped), encoding="utf-8")
        print(f"wrote {DOCUMENT.relative_to(ROOT)}")
    return 1 if outcome.unexplained or outcome.failed else 0


def ask_about(chosen: Sequence[Subject], rules: Sequence[Rule]) -> Outcome:
    """Each server takes its share, one subject after another: roles, which some cases make, belong to the server."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="platformkit-oracle-") as folder, ThreadPoolExecutor(SERVERS) as workers:
        Path(folder).chmod(0o755)  # the servers' account must reach their data
        for share in workers.map(lambda n: _on_one_server(Path(folder) / str(n), chosen[n::SERVERS], rules), range(SERVERS)):
            outcome.add(share)
    return outcome


def _on_one_server(folder: Path, chosen: Sequence[Subject], rules: Sequence[Rule]) -> Outcome:
    outcome = Outcome()
    with OracleServer(folder).running() as server:
        for number, subject in enumerate(chosen):
            try:
                outcome.add(_ask(server, f"oracle_{number}", subject, rules))
            except (SandboxError, psycopg.Error) as error:
                outcome.failed.append(f"{subject.name} could not be made: {str(error).strip()[:300]}")
            print(".", end="", file=sys.stderr, flush=True)
    return outcome


def _ask(server: OracleServer, database: str, subject: Subject, rules: Sequence[Rule]) -> Outcome:
    outcome = Outcome(subjects=1)
    mapped = counterparts(rules)
    subject.make(server, database)
    try:
        url = server.url(database)
        snapshot = observe(server.dsn(database))
        results = evaluate(snapshot, subject.declarations, rules)
        facts = Facts(Catalog(snapshot, subject.declarations))
        places = frozenset([*(f"{r.schema}.{r.name}" for r in snapshot.relations), *(f"{f.schema}.{f.name}" for f in snapshot.functions)])
        schemas = server.own_schemas(database)
        asked: dict[str, list[PeerFinding]] = {}
        for peer in (SPLINTER, PGRLS):
            try:
                asked[peer] = ask_splinter(url) if peer == SPLINTER else ask_pgrls(url, schemas)
            except OracleError as error:
                outcome.failed.append(f"{subject.name}: {peer}: {error}")
        for peer, said in asked.items():
            outcome.said.update((finding.peer, finding.lint) for finding in said)
            compared = compare(subject.name, peer, said, results, mapped, places)
            outcome.agreed.update({(peer, lint): count for lint, count in compared.agreed.items()})
            for difference in compared.differences:
                kind = kind_of(difference, facts)
                if kind is None:
                    outcome.unexplained.append(difference)
                else:
                    outcome.explained[kind.name] += 1
                    outcome.examples.setdefault(kind.name, difference)
    finally:
        if subject.unmake is not None:
            subject.unmake(server, database)
        server.drop(database)
    return outcome


def print_table(outcome: Outcome, mapped: Mapping[Lint, frozenset[str]]) -> None:
    print(f"\n{outcome.subjects} databases")
    print(f"{'peer':9} {'lint':52} {'our rules':24} agreed")
    for lint, codes in sorted(mapped.items()):
        print(f"{lint[0]:9} {lint[1]:52} {', '.join(sorted(codes)):24} {outcome.agreed[lint]:6}")
    print(f"\n{'kind of difference':44} places")
    for kind in KINDS:
        print(f"{kind.name:44} {outcome.explained[kind.name]:6}")
    for line in outcome.failed:
        print(f"not read: {line}")
    if not outcome.unexplained:
        print("every difference belongs to a kind that docs/differences.md explains")
        return
    print(f"\n{len(outcome.unexplained)} differences that nobody has explained yet:")
    grouped: dict[tuple[str, str, str], list[Difference]] = defaultdict(list)
    for difference in outcome.unexplained:
        grouped[difference.peer, difference.side, difference.name].append(difference)
    for (peer, side, name), differences in sorted(grouped.items()):
        print(f"  {peer}: only {'the peer' if side == 'peer' else 'we'} ({name}), {len(differences)} places")
        for difference in differences[:SHOWN]:
            print(f"    {difference.subject}: {difference.place}: {difference.text[:160]}")


if __name__ == "__main__":
    sys.exit(main())
