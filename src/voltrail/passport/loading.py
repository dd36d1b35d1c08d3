"""
Files as others send them, read as JSON: any of their encodings, one document or a zip of some.

What is another way to write the same is read and told; what may be two things is told and not read. Bytes,
depth, values and files are bounded before anything is made of them.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

from voltrail.errors import PassportError, Refusal

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_FILES: Final = 50
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 100_000
MAX_NUMBER: Final = 64  # characters

# A string that does not end is taken to the end of the text: looking again from each quote takes hours.
_STRING: Final = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_STRINGS: Final = re.compile(_STRING, re.DOTALL)
_NO_BRACKETS: Final = re.compile(r"[^\[\]{}]+")
_TRAILING: Final = re.compile(rf"({_STRING})|,(?=\s*[}}\]])", re.DOTALL)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong at one place of a file, and what to do; `taken` where it was read nevertheless."""

    where: str
    said: Refusal
    taken: bool = False


class Document(NamedTuple):
    """One JSON document: the name of its file, what it holds, what was wrong with it."""

    name: str
    value: Any
    troubles: tuple[Trouble, ...]


class Twice(NamedTuple):
    """Several values of one member, where only one may stand."""

    values: tuple[Any, ...]


class NoNumber(NamedTuple):
    """What stands where a number should and is none: NaN, or an infinity."""

    text: str


def load(name: str, content: bytes) -> list[Document]:
    """Return the documents of a file: one, or those of a zip. Raises PassportError."""
    if len(content) > MAX_BYTES:
        raise _too_large(f"The file has {len(content):,} bytes; {MAX_BYTES:,} are the most.")
    if not content.startswith(b"PK\x03\x04"):
        return [_document(name, content)]
    try:
        return list(_of_zip(content))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise PassportError(
            "import.zip", f"The zip cannot be opened: {error}."[:200], "Pack it again, without a password."
        ) from None


def _of_zip(content: bytes) -> Iterator[Document]:
    room = MAX_BYTES
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        inside = [one for one in packed.infolist() if not one.is_dir() and not _is_by_system(one.filename)]
        if len(inside) > MAX_FILES:
            raise _too_large(f"The zip holds {len(inside):,} files; {MAX_FILES} are the most.")
        for one in inside:
            name = one.filename[:200]
            if not name.lower().endswith((".json", ".jsonld")):
                said = Refusal("import.other_file", f"{name} is no JSON file.", "Send it for itself.")
                yield Document(name, None, (Trouble(name, said),))
                continue
            with packed.open(one) as stream:
                read = stream.read(room + 1)
            room -= len(read)
            if room < 0:
                raise _too_large(f"What the zip holds has more than {MAX_BYTES:,} bytes.")
            yield _document(name, read)


def _is_by_system(name: str) -> bool:
    """Return whether a computer put this file there by itself."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in {".DS_Store", "Thumbs.db"}


def _document(name: str, content: bytes) -> Document:
    text, troubles = _text(name, content)
    _check_size(name, text)
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        value = _mended(name, text, error)
        said = Refusal("import.comma", "Commas stand before closing brackets.", "They were left out.")
        troubles.append(Trouble(name, said, taken=True))
    except RecursionError:
        raise _too_deep(name) from None
    return Document(name, value, tuple(troubles))


def _mended(name: str, text: str, error: json.JSONDecodeError) -> Any:
    """Return the value of a text without commas that stand before a closing bracket."""
    mended = _TRAILING.sub(lambda found: found[1] or "", text)
    try:
        if mended == text:
            raise error
        return _decode(mended)
    except json.JSONDecodeError:
        raise PassportError(
            "import.json",
            f"{name} is no JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            "Export it again, or look at that place.",
        ) from None


# ------------------------------------------------------------------ text


def _text(name: str, content: bytes) -> tuple[str, list[Trouble]]:
    """Return a file as text, and what was uncommon about its encoding. Raises PassportError."""
    for mark, encoding, called in _MARKS:
        if content.startswith(mark):
            told = [_encoded(name, f"{called} with a byte order mark")]
            return _decoded(name, content[len(mark) :], encoding), told
    if (unmarked := _by_zeros(content)) is not None:
        return _decoded(name, content, unmarked), [_encoded(name, "UTF-16 without a byte order mark")]
    try:
        return content.decode(), []
    except UnicodeDecodeError:
        pass
    return _decoded(name, content, "gb18030"), [_encoded(name, "GB 18030, or an older Chinese encoding")]


def _by_zeros(content: bytes) -> str | None:
    """Return which UTF-16 it is without a mark: JSON begins with a character of ASCII."""
    begin = content[:2]
    if len(begin) == 2 and begin[1] == 0 != begin[0]:
        return "utf-16-le"
    return "utf-16-be" if len(begin) == 2 and begin[0] == 0 != begin[1] else None


def _decoded(name: str, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise PassportError(
            "import.encoding",
            f"{name} is no text: byte {error.start + 1} belongs to no character.",
            "Save it as UTF-8.",
        ) from None


def _encoded(name: str, how: str) -> Trouble:
    said = Refusal(
        "import.encoding",
        f"{name} is in {how}; JSON is exchanged in UTF-8.",
        "It was read. Save it as UTF-8.",
    )
    return Trouble(name, said, taken=True)


# ------------------------------------------------------------------ JSON


def _decode(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=_members, parse_float=_number, parse_int=_number, parse_constant=NoNumber
    )


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of a member that stands there several times, all its values."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    every: dict[str, list[Any]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return {name: Twice(tuple(said)) if len(said) > 1 else said[0] for name, said in every.items()}


def _number(text: str) -> Decimal | NoNumber:
    try:
        return Decimal(text) if len(text) <= MAX_NUMBER else NoNumber(text[:MAX_NUMBER])
    except InvalidOperation:  # an exponent that no number has
        return NoNumber(text)


def _check_size(name: str, text: str) -> None:
    """Raise for what is nested too deep or has too many values, before anything is made of it."""
    bare = _STRINGS.sub("", text)
    if bare.count(",") > MAX_VALUES:
        raise _too_large(f"{name} has more than {MAX_VALUES:,} values.")
    steps = (1 if one in "[{" else -1 for one in _NO_BRACKETS.sub("", bare))
    if any(depth > MAX_DEPTH for depth in accumulate(steps)):
        raise _too_deep(name)


def _too_deep(name: str) -> PassportError:
    return PassportError(
        "import.too_deep",
        f"{name} is nested deeper than {MAX_DEPTH} levels.",
        "Check the program that wrote it.",
    )


def _too_large(said: str) -> PassportError:
    return PassportError("import.too_large", said, "Send it in several parts.")
