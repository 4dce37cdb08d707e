"""The style of a cell: `rounded=1;fillColor=#fff2cc;`. What is asked for and cannot be drawn is refused, never passed over."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from platformkit_pipeline.model.errors import ConfigurationError

MAX_COORDINATE = 100_000.0


class UnsupportedDrawing(ConfigurationError):
    """The renderer cannot draw this as it is meant. The message names the cell and what it asks for."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_DRAWN = words(
    """
    shape fillColor strokeColor strokeWidth dashed dashPattern fixDash opacity fillOpacity strokeOpacity shadow rounded arcSize
    absoluteArcSize size boundedLbl fontColor fontSize fontFamily fontStyle align verticalAlign labelPosition verticalLabelPosition
    labelBackgroundColor spacing spacingTop spacingBottom spacingLeft spacingRight whiteSpace html startSize swimlaneFillColor noLabel
    darkOpacity edgeStyle exitX exitY exitDx exitDy exitPerimeter entryX entryY entryDx entryDy entryPerimeter
    startArrow endArrow startFill endFill endSize
    """
)
_OF_THE_EDITOR = words(
    """
    container collapsible recursiveResize resizable connectable expand editable movable deletable rotatable cloneable allowArrows
    outlineConnect points perimeter portConstraint snapToPoint dropTarget treeFolding treeMoving jettySize orthogonalLoop aspect
    backgroundOutline pointerEvents autosize autosizeText resizeWidth resizeHeight resizeParent resizeParentMax resizeLast
    horizontalStack childLayout stackFixed marginTop marginBottom marginLeft marginRight fixedSize sourcePortConstraint
    targetPortConstraint elbow metaEdit locked enumerate link
    """
)
"""They say how the editor behaves; the picture is the same."""
_IDLE: Mapping[str, tuple[str, ...]] = {
    "horizontal": ("1",),
    "swimlaneLine": ("1",),
    "direction": ("east",),
    "overflow": ("visible", "hidden"),
    "jumpStyle": ("none",),
}
"""Values of further keys that say nothing here (`labels` cuts off what is hidden), besides `0`, `none` and the empty one."""
_NOTHING = ("", "0", "none")

NAMED: Mapping[str, Mapping[str, str]] = {
    "text": {"fillColor": "none", "strokeColor": "none", "align": "left", "verticalAlign": "top"},
    "edgeLabel": {
        **{"fillColor": "none", "strokeColor": "none", "align": "left", "verticalAlign": "top"},
        **{"fontSize": "11", "labelBackgroundColor": "#ffffff"},
    },
    "group": {"fillColor": "none", "strokeColor": "none", "verticalAlign": "top"},
    "swimlane": {"shape": "swimlane", "fontStyle": "1"},
    "line": {"shape": "line"},
    "ellipse": {"shape": "ellipse", "perimeter": "ellipsePerimeter"},
    "rhombus": {"shape": "rhombus", "perimeter": "rhombusPerimeter"},
    "triangle": {"shape": "triangle", "perimeter": "trianglePerimeter"},
}
"""Styles that are asked for by name, as draw.io defines them, where they differ from a rectangle."""

_WITHOUT_EFFECT = ("html", "rectangle")
"""Names that draw.io does not know either, and that occur."""

_COLOUR = re.compile(r"#[0-9A-Fa-f]{3}(?:[0-9A-Fa-f]{3})?|[A-Za-z]{3,20}|rgba?\([0-9., %]{5,40}\)")
_OF_TWO_MODES = re.compile(r"light-dark\((?P<light>[^,()]+(?:\([^()]*\))?),.*\)")
_FONT = re.compile(r"[A-Za-z0-9 ,_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Style:
    """Keys and values of one cell, with a name for its messages."""

    values: Mapping[str, str]
    cell: str

    def get(self, key: str, default: str = "") -> str:
        return self.values.get(key, default)

    def is_on(self, key: str, default: bool = False) -> bool:
        return self.values[key] not in ("0", "none", "false", "") if key in self.values else default

    def number(self, key: str, default: float) -> float:
        """Raises UnsupportedDrawing for what is no number of a sensible size."""
        return number(self.values[key], f"{self.cell}: {key}") if self.values.get(key) else default

    def number_of(self, text: str, key: str) -> float:
        """One of the numbers that a key lists. Raises UnsupportedDrawing."""
        return number(text, f"{self.cell}: {key}")

    def colour(self, key: str, default: str) -> str:
        """A CSS colour or `none`; of a pair for light and dark surroundings, the light one. Raises UnsupportedDrawing."""
        value = self.values.get(key, default)
        pair = _OF_TWO_MODES.fullmatch(value)
        value = pair["light"].strip() if pair else value
        if value in ("default", "inherit", ""):
            return default
        if not _COLOUR.fullmatch(value):
            raise UnsupportedDrawing(f"{self.cell}: {key}={value[:60]} is not a colour that can be drawn")
        return value

    def font(self) -> str:
        """Names of font families, quoted for CSS. Raises UnsupportedDrawing."""
        value = self.get("fontFamily", "Helvetica")
        if not _FONT.fullmatch(value):
            raise UnsupportedDrawing(f"{self.cell}: fontFamily={value[:60]} is not a name of fonts that can be drawn")
        families = [f"'{family.strip()}'" for family in value.split(",") if family.strip()]
        return ", ".join([*families, "Arial", "sans-serif"])


def read_style(text: str, cell: str) -> Style:
    """The style of a cell. Raises UnsupportedDrawing for a key, or a named style, whose effect is not drawn here."""
    values: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, equals, value = part.partition("=")
        if equals:
            values[key] = value
            continue
        if key not in NAMED and key not in _WITHOUT_EFFECT:
            raise UnsupportedDrawing(f"{cell}: the style {key[:60]} is not drawn here")
        values = {**NAMED.get(key, {}), **values}
    for key, value in values.items():
        known = key in _DRAWN or key in _OF_THE_EDITOR
        if not known and value not in _NOTHING and value not in _IDLE.get(key, ()):
            raise UnsupportedDrawing(f"{cell}: {key[:60]}={value[:60]} is not drawn here")
        if key in ("horizontal", "swimlaneLine") and value == "0":
            raise UnsupportedDrawing(f"{cell}: {key}=0 is not drawn here")
    return Style(values, cell)


def number(text: str, what: str) -> float:
    """A finite number of at most 100,000 in either direction. Raises UnsupportedDrawing; `what` names it."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= MAX_COORDINATE:  # also true for what is no number
        raise UnsupportedDrawing(f"{what} is {text[:60]!r}, which is no number that can be drawn")
    return value


def written(value: float) -> str:
    """A number as it stands in SVG: at most two decimals, so that the same drawing gives the same text everywhere."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
