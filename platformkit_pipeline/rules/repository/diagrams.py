"""Diagrams are drawn from a source that is in the repository, and show it as it is (clauses 1.5 and 3.2)."""

from __future__ import annotations

from platformkit_pipeline.model.repository.diagrams import DIAGRAM_FOLDER, Diagram, DiagramImage
from platformkit_pipeline.model.repository.facet import RepositoryFacet
from platformkit_pipeline.model.result import PatchKind, Severity
from platformkit_pipeline.rules.registry import PASSED, Family, Verdict, Verdicts, failed, unknown
from platformkit_pipeline.rules.repository_subject import RepositorySubject, file_identity, repository_rule

_PAGE = (
    '<mxfile><diagram name="Overview"><mxGraphModel><root><mxCell id="0"/><mxCell id="1" parent="0"/>'
    '<mxCell id="2" value="{label}" vertex="1" parent="1"><mxGeometry width="120" height="60" as="geometry"/></mxCell>'
    "</root></mxGraphModel></diagram></mxfile>"
)
_SHOP = _PAGE.format(label="Shop")
_STORE = _PAGE.format(label="Store")
_DRAWN = f"=== file docs/architecture/shop.drawio\n{_SHOP}\n=== picture docs/architecture/shop.png\n{_SHOP}"


@repository_rule(
    "DGM001",
    "drawio-without-png",
    clause="3.2",
    severity=Severity.MEDIUM,
    family=Family.DIAGRAMS,
    title="A diagram has no picture",
    why="Reviewers and readers of the documentation see pictures. A source that nobody has rendered is a diagram that nobody looks at.",
    how_to_fix="`platformkit docs diagrams` renders it, or export it from draw.io as PNG with a copy of the diagram included.",
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.DIAGRAMS,),
    violating=f"=== file docs/architecture/shop.drawio\n{_SHOP}",
    clean=_DRAWN,
)
def drawio_without_png(subject: RepositorySubject) -> Verdicts:
    for diagram in _with_source(subject):
        if not diagram.images:
            yield failed(file_identity(diagram.path), f"{diagram.path} has no picture {_picture_of(diagram)} beside it")
        elif missing := diagram.pages_without_image:
            names = ", ".join(page.name for page in missing)
            yield failed(file_identity(diagram.path), f"{diagram.path} has pages that no picture shows: {names}", pages=len(missing))
        else:
            yield PASSED


@repository_rule(
    "DGM002",
    "diagram-drift",
    clause="3.2",
    severity=Severity.HIGH,
    family=Family.DIAGRAMS,
    title="A picture does not show its diagram",
    why=(
        "The picture carries the source that it was drawn from. Where that is not the source in the repository, or the picture was painted "
        "over, readers see a system that is not the one that was reviewed."
    ),
    how_to_fix="Render it again with `platformkit docs diagrams`. Change the source, never the picture.",
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.DIAGRAMS,),
    violating=f"=== file docs/architecture/shop.drawio\n{_STORE}\n=== picture docs/architecture/shop.png\n{_SHOP}",
    clean=_DRAWN,
)
def diagram_drift(subject: RepositorySubject) -> Verdicts:
    for diagram in _with_source(subject):
        if diagram.fault:
            yield unknown(file_identity(diagram.path), f"{diagram.path} {diagram.fault}; its pictures cannot be compared with it")
        for image in diagram.images:
            if image.altered:
                yield failed(file_identity(image.path), f"the pixels of {image.path} were changed after it was rendered")
            elif image.embedded and not diagram.fault:  # without a source in it, DGM003 speaks
                yield _compared(diagram, image)


def _compared(diagram: Diagram, image: DiagramImage) -> Verdict | None:
    if diagram.is_current(image):
        return PASSED
    changed = [page.name for page in diagram.pages if page.digest not in image.embedded]
    told = f"; not in the picture as they are: {', '.join(changed)}" if changed and len(diagram.pages) > 1 else ""
    return failed(file_identity(image.path), f"{image.path} was drawn from another source than {diagram.path}{told}", source=diagram.path)


@repository_rule(
    "DGM003",
    "png-without-embedded-source",
    clause="3.2",
    severity=Severity.HIGH,
    family=Family.DIAGRAMS,
    title="A picture does not say what it was drawn from",
    why="Without the source in it nobody can tell whether a picture is that of the diagram beside it, and whether somebody edited it.",
    how_to_fix="Render it with `platformkit docs diagrams`, or export it from draw.io with a copy of the diagram included.",
    patch=PatchKind.MANUAL,
    requires=(RepositoryFacet.DIAGRAMS,),
    violating=f"=== file docs/architecture/shop.drawio\n{_SHOP}\n=== picture docs/architecture/shop.png",
    clean=_DRAWN,
)
def png_without_embedded_source(subject: RepositorySubject) -> Verdicts:
    for diagram in _with_source(subject):
        for image in diagram.images:
            if image.fault:
                yield unknown(file_identity(image.path), f"{image.path} {image.fault}")
            elif not image.embedded:
                yield unknown(
                    file_identity(image.path), f"{image.path} carries no source, so that it cannot be compared with {diagram.path}"
                )
            else:
                yield PASSED


@repository_rule(
    "DGM004",
    "png-without-drawio",
    clause="3.2",
    severity=Severity.MEDIUM,
    family=Family.DIAGRAMS,
    title="A picture of a diagram has no source in the repository",
    why="Nobody can change such a diagram but by painting, and nobody can review the change.",
    how_to_fix=(
        "Add the `.drawio` file under the same name; draw.io opens a PNG that carries its source. "
        f"Keep pictures that are no diagrams out of `{DIAGRAM_FOLDER}`."
    ),
    patch=PatchKind.FILE,
    requires=(RepositoryFacet.DIAGRAMS,),
    violating="=== picture docs/architecture/shop.png",
    clean=_DRAWN,
)
def png_without_drawio(subject: RepositorySubject) -> Verdicts:
    for diagram in subject.snapshot.diagrams:
        if diagram.has_source:
            yield PASSED
            continue
        carried = "; the picture carries the source, which can be taken from it" if any(i.embedded for i in diagram.images) else ""
        yield failed(file_identity(diagram.path), f"beside {diagram.path} there is no .drawio file of that name{carried}")


def _with_source(subject: RepositorySubject) -> tuple[Diagram, ...]:
    return tuple(diagram for diagram in subject.snapshot.diagrams if diagram.has_source)


def _picture_of(diagram: Diagram) -> str:
    name = diagram.path.rpartition("/")[2]
    return f"{name.removesuffix('.drawio')}.png"
