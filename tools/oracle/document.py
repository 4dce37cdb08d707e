"""docs/differences.md: agreements, and every kind of difference with its reason. Written by `make oracle`."""

from __future__ import annotations

from collections.abc import Mapping

from tools.oracle.compare import Difference, Side
from tools.oracle.kinds import KINDS, Kind, Right
from tools.oracle.mapping import WITHOUT_COUNTERPART, Lint
from tools.oracle.peers import PGRLS_VERSION, SUPABASE_VERSION

_INTRODUCTION = f"""# What other linters say, and where we differ

Written by `make oracle`, which asks three programs about the same databases: ours, the advisors of Supabase
(splinter's lints, by `supabase db advisors` {SUPABASE_VERSION}) and pgrls {PGRLS_VERSION}. Both peers are separate programs, installed into
`.oracle/`; nothing of them is part of this product. The databases are the three sample projects, the schema that keeps every
rule, three schemas that nobody here wrote (Dagster, MLflow, Wagtail) and every planted case of the rules' tests.

Answers are compared object by object: does anybody speak about this table, function, role? A difference that belongs to none
of the kinds below makes `make oracle` end with 1, so this page is complete for these databases. It needs the network once, to
install the peers, and some minutes; it is no part of `make test`.
"""


def document(
    agreed: Mapping[Lint, int],
    said: Mapping[Lint, int],
    explained: Mapping[str, int],
    examples: Mapping[str, Difference],
    mapped: Mapping[Lint, frozenset[str]],
) -> str:
    """The page as Markdown."""
    parts = [_INTRODUCTION, "## Agreements\n", _agreements(agreed, said, mapped), "## Kinds of differences\n"]
    for side, title in ((Side.PEER, "### A peer speaks, we do not\n"), (Side.OURS, "### We speak, a peer does not\n")):
        parts.append(title)
        parts += [_kind(kind, explained.get(kind.name, 0), examples.get(kind.name)) for kind in KINDS if kind.side is side]
    parts += ["## Lints without a rule of ours\n", _without()]
    return "\n".join(parts)


def _agreements(agreed: Mapping[Lint, int], said: Mapping[Lint, int], mapped: Mapping[Lint, frozenset[str]]) -> str:
    lines = [
        "Objects that both speak about, of all that the peer's lint names (more than one finding about an object counts once).",
        "",
        "| peer | lint | our rules | both | findings of the lint |",
        "|---|---|---|---:|---:|",
    ]
    for lint, codes in sorted(mapped.items()):
        lines.append(f"| {lint[0]} | {lint[1]} | {', '.join(sorted(codes))} | {agreed.get(lint, 0)} | {said.get(lint, 0)} |")
    return "\n".join(lines) + "\n"


_VERDICT = {
    Right.WE: "We stand by ours.",
    Right.BOTH: "Both are right: the question differs.",
    Right.PEER: "The peer sees more here.",
}


def _kind(kind: Kind, count: int, example: Difference | None) -> str:
    seen = f"{count} places, for instance {example.place} in {example.subject!r} ({example.name})" if example else "not met in this run"
    return f"#### {kind.name}\n\n*{', '.join(sorted(kind.names))}.* {_VERDICT[kind.right]} {kind.reason}\n\nMet: {seen}.\n"


def _without() -> str:
    lines = ["| peer | lint | why there is none |", "|---|---|---|"]
    lines += [f"| {peer} | {lint} | {why} |" for (peer, lint), why in sorted(WITHOUT_COUNTERPART.items())]
    return "\n".join(lines) + "\n"
