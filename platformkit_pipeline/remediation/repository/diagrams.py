"""Pictures that show their diagram, and sources that only a picture carries (clauses 1.5 and 3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from platformkit_pipeline.introspection.repository.diagram_source import MAX_SOURCE_BYTES, DiagramError, carried_source
from platformkit_pipeline.introspection.repository.diagrams import MAX_IMAGE_BYTES, images_of
from platformkit_pipeline.model.errors import SandboxError
from platformkit_pipeline.model.repository.diagrams import Diagram
from platformkit_pipeline.model.result import Result
from platformkit_pipeline.remediation.diagrams.render import render
from platformkit_pipeline.remediation.diagrams.style import UnsupportedDrawing
from platformkit_pipeline.remediation.repository.proposal import ByHand, Edit, RepositoryContext

_BY_HAND = "Draw it with `platformkit docs diagrams`, or export it from draw.io as PNG with a copy of the diagram included."
_FONTS = "drawn with the fonts of the machine that made this plan"
_rendered = lru_cache(maxsize=32)(render)
"""A plan asks for the same picture several times: to propose it, and to see that it stays as it is."""


def draw_missing(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """The pictures that a source lacks."""
    diagram = next(d for d in context.snapshot.diagrams if d.path == finding.object.name)
    there = {image.path for image in diagram.images}
    return _drawn(context, diagram, [(path, page) for path, page in images_of(diagram) if path not in there])


def draw_anew(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """The picture that shows something else."""
    path = finding.object.name
    diagram = next(d for d in context.snapshot.diagrams if path in {image.path for image in d.images})
    return _drawn(context, diagram, [image for image in images_of(diagram) if image[0] == path])


def add_source(context: RepositoryContext, finding: Result) -> Edit | ByHand:
    """The source that a lone picture carries, as a file beside it."""
    picture = finding.object.name
    try:
        source = carried_source(context.files.data(picture, MAX_IMAGE_BYTES))
    except DiagramError as error:
        return ByHand(f"{picture} {error}", ("Draw the diagram anew.",))
    if source is None:
        return ByHand(
            "the picture carries no source, so nothing but a person can say what it was drawn from",
            ("Add the `.drawio` file under the same name, or, where the picture is no diagram, move it to another folder.",),
        )
    stem = picture[: -len(".png")]
    path = stem if stem.endswith(".drawio") else f"{stem}.drawio"
    return Edit(f"Add {path}, the source that {picture} carries", {path: source})


def _drawn(context: RepositoryContext, diagram: Diagram, pictures: Iterable[tuple[str, int]]) -> Edit | ByHand:
    if diagram.fault:
        return ByHand(f"{diagram.path} {diagram.fault}", ("Mend the source first.",))
    source = context.files.data(diagram.path, MAX_SOURCE_BYTES)
    try:
        writes = {path: _rendered(source, page) for path, page in pictures}
    except (UnsupportedDrawing, SandboxError) as error:
        return ByHand(f"{diagram.path} could not be drawn here: {error}", (_BY_HAND,))
    return Edit(f"Draw {', '.join(sorted(writes))} from {diagram.path}", writes, (_FONTS,))
