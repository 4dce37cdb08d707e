"""Labels: the few elements of HTML that draw.io's text editor writes, made anew element by element, in a box of the page."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

from platformkit_pipeline.remediation.diagrams.cells import Box, Point
from platformkit_pipeline.remediation.diagrams.style import Style, UnsupportedDrawing, words, written

_ELEMENTS = words("b strong i em u s strike sub sup small code pre tt span font div p h1 h2 h3 h4 h5 h6 ul ol li blockquote")
_VOID = frozenset(("br", "hr"))
_PROPERTIES = words(
    """
    color background-color font-size font-weight font-style font-family text-decoration text-align line-height white-space
    margin margin-top margin-bottom margin-left margin-right padding letter-spacing
    """
)
_VALUE = re.compile(r"[\w#%., ()'\"&;+-]{1,120}")
_ALIGN = {"left": "flex-start", "center": "center", "right": "flex-end", "top": "flex-start", "middle": "center", "bottom": "flex-end"}
_FONT_SIZES = {"1": "10px", "2": "13px", "3": "16px", "4": "18px", "5": "24px", "6": "32px", "7": "48px"}
_LINE = 1.2
_ABOVE, _BELOW = 5, 1
"""What the editor adds to the spacing of a label at the top or bottom of its shape."""
_WIDEST_LETTER = 0.65
"""Of the font's size: what a letter takes at most on average. It only makes room at the border of the picture."""


def vertex_label(text: str, style: Style, box: Box) -> str:
    """The label of a shape as SVG; `box` is what it is laid out in."""
    content = _content(text, style)
    if not content or style.is_on("noLabel"):
        return ""
    align = _side(style, "align", "center", ("left", "center", "right"))
    vertical = _side(style, "verticalAlign", "middle", ("top", "middle", "bottom"))
    background, cut = style.colour("labelBackgroundColor", "none"), style.get("overflow") == "hidden"
    return _laid_out(content, style, _inner(_moved(box, style), style, vertical), align, vertical, background, 12, cut=cut)


def edge_label(text: str, style: Style, center: Point) -> str:
    """The label of an edge as SVG, aligned to a point, to its centre unless the style says otherwise. White behind it frees the letters."""
    content = _content(text, style)
    if not content:
        return ""
    background = style.colour("labelBackgroundColor", "#ffffff")
    align = _side(style, "align", "center", ("left", "center", "right"))
    vertical = _side(style, "verticalAlign", "middle", ("top", "middle", "bottom"))
    return _laid_out(content, style, Box(center.x - 0.5, center.y - 0.5, 1, 1), align, vertical, background, 11)


def room_of(text: str, style: Style, center: Point) -> Box:
    """About as much of the page as a label takes that is centred on a point and not wrapped."""
    lines = [re.sub(r"<[^>]*>", "", line) for line in re.split(r"\n|<br\s*/?>|</div>|</p>", text)]
    size = style.number("fontSize", 12)
    width, height = max(map(len, lines)) * size * _WIDEST_LETTER, len(lines) * size * _LINE
    return Box(center.x - width / 2, center.y - height / 2, width, height)


def is_outside(style: Style) -> bool:
    """The label stands beside its shape."""
    return style.get("labelPosition", "center") != "center" or style.get("verticalLabelPosition", "middle") != "middle"


def _inner(box: Box, style: Style, vertical: str) -> Box:
    """The box within the spacing of its style."""
    spacing = style.number("spacing", 2)
    left, right, top, bottom = (spacing + style.number(f"spacing{side}", 0) for side in ("Left", "Right", "Top", "Bottom"))
    top, bottom = top + (_ABOVE if vertical == "top" else 0), bottom + (_BELOW if vertical == "bottom" else 0)
    return Box(box.x + left, box.y + top, max(1.0, box.width - left - right), max(1.0, box.height - top - bottom))


def _moved(box: Box, style: Style) -> Box:
    horizontal = _side(style, "labelPosition", "center", ("left", "center", "right"))
    vertical = _side(style, "verticalLabelPosition", "middle", ("top", "middle", "bottom"))
    x = {"left": -box.width, "center": 0.0, "right": box.width}[horizontal]
    y = {"top": -box.height, "middle": 0.0, "bottom": box.height}[vertical]
    return Box(box.x + x, box.y + y, box.width, box.height)


def _side(style: Style, key: str, default: str, values: tuple[str, ...]) -> str:
    value = style.get(key) or default
    if value not in values:
        raise UnsupportedDrawing(f"{style.cell}: {key}={value[:60]} is not drawn here")
    return value


def _laid_out(content: str, style: Style, box: Box, align: str, vertical: str, background: str, size: float, *, cut: bool = False) -> str:
    wraps = style.get("whiteSpace") == "wrap"
    if style.get("whiteSpace") not in ("", "wrap", "nowrap"):
        raise UnsupportedDrawing(f"{style.cell}: whiteSpace={style.get('whiteSpace')[:60]} is not drawn here")
    fonts = int(style.number("fontStyle", 0))
    decoration = " ".join(name for bit, name in ((4, "underline"), (8, "line-through")) if fonts & bit) or "none"
    text = {
        "font-family": style.font(),
        "font-size": f"{written(style.number('fontSize', size))}px",
        "font-weight": "bold" if fonts & 1 else "normal",
        "font-style": "italic" if fonts & 2 else "normal",
        "text-decoration": decoration,
        "color": style.colour("fontColor", "#000000"),
        "text-align": align,
        "line-height": str(_LINE),
        "white-space": "normal" if wraps else "nowrap",
        "flex": "none",
        "max-width": "100%" if wraps else "none",
    }
    if background != "none":
        text |= {"background-color": background}
    around = {
        "display": "flex",
        "width": "100%",
        "height": "100%",
        "justify-content": _ALIGN[align],
        "align-items": _ALIGN[vertical],
    }
    if cut:
        around |= {"overflow": "hidden"}
    place = f'x="{written(box.x)}" y="{written(box.y)}" width="{written(box.width)}" height="{written(box.height)}"'
    return f'<foreignObject {place}><div style="{_css(around)}"><div style="{_css(text)}">{content}</div></div></foreignObject>'


def _css(properties: dict[str, str]) -> str:
    return escape(";".join(f"{name}:{value}" for name, value in properties.items()))


def _content(text: str, style: Style) -> str:
    if not text.strip():
        return ""
    if style.get("html") != "1":
        return escape(text).replace("\n", "<br>")
    rewriter = _Rewriter(style.cell)
    try:
        rewriter.feed(text)
        rewriter.close()
    except AssertionError:  # the parser of some Python versions gives up on damaged declarations in this way
        raise UnsupportedDrawing(f"{style.cell}: its label is no HTML that can be read") from None
    return rewriter.finished()


class _Rewriter(HTMLParser):
    """Writes what it knows, with nothing but known properties; refuses the rest by name."""

    def __init__(self, cell: str) -> None:
        super().__init__(convert_charrefs=True)
        self._cell = cell
        self._parts: list[str] = []
        self._open: list[str] = []

    def finished(self) -> str:
        return "".join([*self._parts, *(f"</{tag}>" for tag in reversed(self._open))])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ELEMENTS and tag not in _VOID:
            raise UnsupportedDrawing(f"{self._cell}: <{tag[:30]}> in a label is not drawn here")
        properties = self._properties(tag, {name: value or "" for name, value in attrs})
        style = f' style="{_css(properties)}"' if properties else ""
        self._parts.append(f"<{'span' if tag == 'font' else tag}{style}>")
        if tag not in _VOID:
            self._open.append("span" if tag == "font" else tag)

    def handle_endtag(self, tag: str) -> None:
        name = "span" if tag == "font" else tag
        if name not in self._open:  # closes nothing, as in HTML
            return
        while (last := self._open.pop()) != name:
            self._parts.append(f"</{last}>")
        self._parts.append(f"</{name}>")

    def handle_data(self, data: str) -> None:
        self._parts.append(escape(data))

    def unknown_decl(self, data: str) -> None:
        raise UnsupportedDrawing(f"{self._cell}: <![{data[:30]} in a label is not drawn here")

    def _properties(self, tag: str, attributes: dict[str, str]) -> dict[str, str]:
        properties: dict[str, str] = {}
        for declaration in filter(None, (part.strip() for part in attributes.get("style", "").split(";"))):
            name, _, value = declaration.partition(":")
            properties[name.strip().lower()] = value.strip()
        if align := attributes.get("align"):
            properties["text-align"] = align
        if tag == "font":
            told = {"color": attributes.get("color"), "font-family": attributes.get("face")}
            properties |= {name: value for name, value in told.items() if value}
            if size := attributes.get("size"):
                properties["font-size"] = _FONT_SIZES.get(size, size)
        for name, value in properties.items():
            if name not in _PROPERTIES or not _VALUE.fullmatch(value) or "url" in value.lower() or "var(" in value.lower():
                raise UnsupportedDrawing(f"{self._cell}: {name[:30]}: {value[:40]} in a label is not drawn here")
        return properties
