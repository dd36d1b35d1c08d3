"""A file that comes in as the body of a request, or in a form: to the disk, piece by piece, never held."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from litestar.concurrency import sync_to_thread
from litestar.exceptions import InternalServerException
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from voltrail.api.answers import Asked
from voltrail.errors import RegistryError, UsageError
from voltrail.intake.shelf import MAX_TEXT_BYTES, Incoming, Shelf, check_size

MAX_AT_ONCE: Final = 16  # of this process
MAX_FIELD_BYTES: Final = 65_536
MAX_FIELDS: Final = 16
_PIECE_BYTES: Final = 1 << 20
_FORM_BYTES: Final = 1 << 20  # what a form may have around its file

_under_way: list[object] = []


class Received:
    """What came: the fields before the file, its name, its first bytes, and the file itself."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.name = ""
        self.begins = b""
        self.incoming: Incoming | None = None


async def receive(
    request: Asked, shelf: Shelf, name: str, may: Callable[[dict[str, str]], Any], received: Received
) -> None:
    """
    Take a file to the disk; `may` is asked first, with the fields of a form that stand before its file.

    `name` is that of a file which is the whole body. `received.incoming` is for the caller to keep or leave,
    also when this raises: UsageError for too large a file or a form that does not read, RegistryError.
    """
    if (request.content_length or 0) > MAX_TEXT_BYTES + _FORM_BYTES:
        check_size(request.content_length or 0, is_book=False)  # nothing is read of it
    if len(_under_way) >= MAX_AT_ONCE:
        raise RegistryError(
            "file.uploads", "Too many files are coming in at the moment.", "Send it again in a minute."
        )
    token = object()
    _under_way.append(token)
    try:
        kind, options = request.content_type
        if kind == "multipart/form-data":
            await _from_form(request, shelf, options.get("boundary", ""), may, received)
        else:
            may({})
            received.name = name
            received.incoming = await sync_to_thread(shelf.begin, name)
            async for piece in _pieces(request.stream()):
                await _write(received, piece)
    finally:
        _under_way.remove(token)
    if received.incoming is None or not received.incoming.bytes:
        raise UsageError("file.none", "No file was chosen, or it is empty.", "Choose a file, then send.")


async def _from_form(
    request: Asked, shelf: Shelf, boundary: str, may: Callable[[dict[str, str]], Any], received: Received
) -> None:
    field, value = "", bytearray()
    in_file = done = False
    try:
        with PushMultipartParser(boundary or " ", max_segment_count=MAX_FIELDS, strict=True) as parser:
            async for piece in _pieces(request.stream()):
                for part in parser.parse(piece):
                    if isinstance(part, MultipartSegment):
                        field, value = part.name or "", bytearray()
                        in_file = bool(part.filename) and field == "file" and not done
                        if in_file:
                            may(received.fields)
                            received.name = (part.filename or "").replace("\\", "/").rpartition("/")[2]
                            received.incoming = await sync_to_thread(shelf.begin, received.name)
                    elif part is None:
                        if in_file:
                            done, in_file = True, False
                        elif not done:
                            received.fields[field] = value.decode(errors="replace")
                    elif in_file:
                        await _write(received, bytes(part))
                    else:
                        value += part
                        if len(value) > MAX_FIELD_BYTES:
                            raise UsageError("request.form", "A field of the form is too long.", _FORM)
    except MultipartError as error:
        raise UsageError("request.form", f"The form does not read: {error}.", _FORM) from None
    if not done:
        may(received.fields)


async def _pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what comes in larger pieces, so that the disk is asked less often."""
    pieces, size = [], 0
    try:
        async for chunk in stream:
            pieces.append(chunk)
            size += len(chunk)
            if size >= _PIECE_BYTES:
                yield b"".join(pieces)
                pieces, size = [], 0
    except InternalServerException:  # as Litestar says it
        raise UsageError("file.cut", "The file did not come whole.", "Send it again.") from None
    if pieces:
        yield b"".join(pieces)


async def _write(received: Received, piece: bytes) -> None:
    if received.incoming is None:
        return
    received.begins += piece[: 4_096 - len(received.begins)]
    await sync_to_thread(received.incoming.write, piece)


_FORM: Final = "Send multipart/form-data as browsers do: csrf first, then file."
