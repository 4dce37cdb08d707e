"""PNG files as a row of chunks, and the texts in them. Nothing is decoded but texts, and those within a bound."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">I4s")
_CRC = struct.Struct(">I")


class PngError(Exception):
    """Why a PNG cannot be read, as the rest of a sentence about the file."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk. `kind` is its four letters, `IDAT` for instance."""

    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class TextChunk:
    """A text in a PNG, inflated where it was compressed. `keyword` says what it is, `mxfile` for instance."""

    keyword: str
    data: bytes


def read_chunks(data: bytes) -> tuple[Chunk, ...]:
    """Every chunk up to IEND, each with a checksum that is right. What follows IEND is no part of the picture.

    Raises PngError when the file is no PNG, is cut off, or a checksum is wrong.
    """
    return tuple(_chunks(data))


def _chunks(data: bytes) -> Iterator[Chunk]:
    if not data.startswith(SIGNATURE):
        raise PngError("is no PNG file")
    position, kind = len(SIGNATURE), ""
    while kind != "IEND":
        end_of_head = position + _HEAD.size
        if end_of_head > len(data):
            raise PngError("is cut off: the closing IEND chunk is missing")
        length, letters = _HEAD.unpack_from(data, position)
        if not letters.isalpha():
            raise PngError(f"is damaged: at byte {position} there is no chunk")
        previous, kind = kind, letters.decode("ascii")
        if not previous and kind != "IHDR":
            raise PngError("is damaged: it does not begin with an IHDR chunk")
        end = end_of_head + length
        if end + _CRC.size > len(data):
            raise PngError(f"is cut off within a chunk {kind}")
        body = data[end_of_head:end]
        if _CRC.unpack_from(data, end)[0] != zlib.crc32(body, zlib.crc32(letters)):
            raise PngError(f"is damaged: the checksum of a chunk {kind} is wrong")
        yield Chunk(kind, body)
        position = end + _CRC.size


def write_chunks(chunks: tuple[Chunk, ...]) -> bytes:
    """The PNG file that consists of these chunks."""
    return SIGNATURE + b"".join(_written(chunk) for chunk in chunks)


def _written(chunk: Chunk) -> bytes:
    letters = chunk.kind.encode("ascii")
    return _HEAD.pack(len(chunk.data), letters) + chunk.data + _CRC.pack(zlib.crc32(chunk.data, zlib.crc32(letters)))


def read_text(chunk: Chunk, limit: int) -> TextChunk | None:
    """The text in a chunk tEXt, zTXt or iTXt; None for another chunk. `limit` is the most bytes it may inflate to.

    Raises PngError for a text that cannot be inflated within the limit.
    """
    if chunk.kind not in ("tEXt", "zTXt", "iTXt"):
        return None
    keyword, zero, rest = chunk.data.partition(b"\0")
    if not zero:
        raise PngError(f"is damaged: a chunk {chunk.kind} has no keyword")
    name = keyword.decode("latin-1")
    if chunk.kind == "tEXt":
        return TextChunk(name, rest)
    if chunk.kind == "zTXt":
        return TextChunk(name, inflated(_compressed(rest[:1], rest[1:]), limit, f"its text {_shown(name)}"))
    flag, method = rest[:1], rest[1:2]
    parts = rest[2:].split(b"\0", 2)
    if len(parts) < 3 or flag not in (b"\0", b"\1"):
        raise PngError("is damaged: a chunk iTXt is incomplete")
    body = inflated(_compressed(method, parts[2]), limit, f"its text {_shown(name)}") if flag == b"\1" else parts[2]
    return TextChunk(name, body)


def _compressed(method: bytes, body: bytes) -> bytes:
    if method != b"\0":
        raise PngError("has a text that is compressed in an unknown way")
    return body


def inflated(body: bytes, limit: int, what: str) -> bytes:
    """Inflate zlib data, or raw deflate, which the desktop editor wrote before version 30. At most `limit` bytes.

    Raises PngError; `what` names the data in its message.
    """
    try:
        return _inflated(body, zlib.MAX_WBITS, limit, what)
    except zlib.error:
        pass
    try:
        return _inflated(body, -zlib.MAX_WBITS, limit, what)
    except zlib.error:
        raise PngError(f"is damaged: {what} cannot be decompressed") from None


def _inflated(body: bytes, window_bits: int, limit: int, what: str) -> bytes:
    decompressor = zlib.decompressobj(window_bits)
    text = decompressor.decompress(body, limit + 1)
    if len(text) > limit:
        raise PngError(f"is not read: {what} inflates to more than {limit} bytes")
    if not decompressor.eof:
        raise PngError(f"is damaged: {what} is cut off")
    return text


def _shown(keyword: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in keyword[:79])
