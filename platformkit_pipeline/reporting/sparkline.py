"""A row of numbers as one line of text that shows how they went."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"


def sparkline(values: Sequence[float | None], lowest: float = 0, highest: float = 100) -> str:
    """One sign per value, in order; `·` where there is none. Values outside of the scale are drawn at its end."""
    return "".join(_NONE if value is None else _bar((value - lowest) / (highest - lowest)) for value in values)


def _bar(share: float) -> str:
    return _BARS[max(0, min(len(_BARS) - 1, int(share * len(_BARS))))]
