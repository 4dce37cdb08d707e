"""Texts to be edited, so that all of a file that is not edited stays as it is: its byte order mark and its line endings too."""

from __future__ import annotations

from dataclasses import dataclass

from platformkit_pipeline.introspection.repository.files import Files, UnreadableError

_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class EditableText:
    """A text with `\\n` at the end of lines, and how its file has it."""

    text: str
    mark: bytes = b""
    ending: str = "\n"

    @property
    def lines(self) -> list[str]:
        """Without their endings; the last one is empty where the text ends with a line feed."""
        return self.text.split("\n")

    def encoded(self, text: str) -> bytes:
        """Another text, as the file would have it."""
        return self.mark + text.replace("\n", self.ending).encode()


def editable(files: Files, path: str) -> EditableText:
    """Raises UnreadableError, also for a file whose lines end in different ways: an edit would change all of them."""
    data = files.data(path)
    text = files.text(path)
    windows = data.count(b"\r\n")
    if windows and windows != data.count(b"\n"):
        raise UnreadableError("has lines that end in different ways; make them the same first")
    return EditableText(text, _MARK if data.startswith(_MARK) else b"", "\r\n" if windows else "\n")
