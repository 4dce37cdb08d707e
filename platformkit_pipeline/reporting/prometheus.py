"""Gauges in the text format of Prometheus, version 0.0.4, for an endpoint or for node_exporter's folder of text files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gauge:
    """All samples of one name. `name` and the names of labels are ours; values of labels may be anything."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def prometheus_text(gauges: Sequence[Gauge]) -> str:
    """HELP, TYPE and samples of each gauge that has any; the same gauges give the same bytes."""
    return "".join(f"{line}\n" for gauge in gauges if gauge.samples for line in _lines(gauge))


def _lines(gauge: Gauge) -> Iterator[str]:
    help_text = gauge.help.replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {gauge.name} {help_text}"
    yield f"# TYPE {gauge.name} gauge"
    for sample in gauge.samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(sample.labels.items()))
        yield f"{gauge.name}{{{labels}}} {_number(sample.value)}" if labels else f"{gauge.name} {_number(sample.value)}"


def _escaped(value: str) -> str:
    """Every line break that a reader might split at becomes one blank, but for the one that the format can escape."""
    flat = "".join(" " if sign in "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\x00" else sign for sign in value)
    return flat.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
