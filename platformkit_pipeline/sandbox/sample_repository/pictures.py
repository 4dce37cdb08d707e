"""Pictures for sample repositories: real PNG files that show nothing and carry a diagram's source."""

from __future__ import annotations

import struct
import zlib
from urllib.parse import quote

from platformkit_pipeline.model.repository.png import Chunk, write_chunks

_SIDE = 8
_HEADER = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
_WHITE = zlib.compress((b"\0" + b"\xff" * _SIDE) * _SIDE)


def picture_of(source: str) -> bytes:
    """A white PNG of eight by eight pixels with the source of a diagram in it, none when that is empty."""
    carried = (Chunk("tEXt", b"mxfile\0" + quote(source).encode("ascii")),) if source else ()
    return write_chunks((Chunk("IHDR", _HEADER), *carried, Chunk("IDAT", _WHITE), Chunk("IEND", b"")))
