"""PNG files with a diagram's source in them, in every way that draw.io and its desktop application write it."""

from __future__ import annotations

import base64
import struct
import zlib
from urllib.parse import quote

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MODEL = (
    '<mxGraphModel dx="800" dy="600" grid="1"><root><mxCell id="0"/><mxCell id="1" parent="0"/>'
    '<mxCell id="2" value="{label}" style="rounded=1;html=1;" vertex="1" parent="1">'
    '<mxGeometry x="40" y="40" width="120" height="60" as="geometry"/></mxCell></root></mxGraphModel>'
)


def model(label: str = "Shop") -> str:
    """A page with one box."""
    return MODEL.format(label=label)


def mxfile(*pages: str, names: tuple[str, ...] = (), host: str = "app.diagrams.net") -> str:
    """A file of plain pages."""
    titles = names or tuple(f"Page-{number}" for number in range(1, len(pages) + 1))
    diagrams = "".join(f'<diagram id="d{title}" name="{title}">{page}</diagram>' for title, page in zip(titles, pages, strict=True))
    return f'<mxfile host="{host}" modified="2026-01-05T09:00:00.000Z" agent="x" etag="abc" version="24.0.0">{diagrams}</mxfile>'


def raw_deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def compressed(page: str) -> str:
    """A page as the editor compresses it: percent-encoded, deflated without a header, base64."""
    return base64.b64encode(raw_deflated(quote(page, safe="").encode())).decode()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*texts: bytes, width: int = 2, height: int = 2, shade: int = 255) -> bytes:
    """A real picture, grey of one shade, with finished text chunks in front of its pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade]) * width) * height
    return SIGNATURE + chunk(b"IHDR", head) + b"".join(texts) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def as_editor(source: str) -> bytes:
    """tEXt `mxfile`, percent-encoded."""
    return chunk(b"tEXt", b"mxfile\0" + quote(source, safe="").encode())


def as_old_desktop(source: str) -> bytes:
    """zTXt `mxGraphModel`, deflated without a header: what the desktop application wrote before version 30."""
    return chunk(b"zTXt", b"mxGraphModel\0\0" + raw_deflated(quote(source, safe="").encode()))


def as_desktop(source: str) -> bytes:
    """zTXt `mxGraphModel`, proper zlib."""
    return chunk(b"zTXt", b"mxGraphModel\0\0" + zlib.compress(quote(source, safe="").encode()))


def as_international(source: str) -> bytes:
    """iTXt, not compressed."""
    return chunk(b"iTXt", b"mxfile\0\0\0\0\0" + source.encode())


def as_compressed_international(source: str) -> bytes:
    return chunk(b"iTXt", b"mxfile\0\1\0de\0Quelle\0" + zlib.compress(source.encode()))
