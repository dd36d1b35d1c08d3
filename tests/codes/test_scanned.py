"""What a scanner gives leads to a code, whoever printed the label; what is no label does no harm."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.codes import strategies
from tests.codes.pictures import photographed, picture_of
from voltrail.codes import is_code, labels, printing, url
from voltrail.codes.labels import SIZES
from voltrail.codes.scanned import MAX_PHOTO_BYTES, read_label, read_photo
from voltrail.errors import CodeError, UsageError

CODE = "9ZZPB240000003G4C0221953"
SECOND_LIFE = "9ZZPB24G4C0221953RP"
HOST = "registry.example.org"


@given(code=strategies.codes | strategies.no_codes)
def test_our_own_address_leads_to_its_code(code):
    """In capitals and small letters too: some scanners type so."""
    address = url(code, HOST)
    for text in (address, address.lower(), address.upper(), f" {address}\r\n", f"{address}?lang=zh#life"):
        assert read_label(text) == (code, HOST)
    assert read_label(code) == read_label(code.lower()) == (code, None)


@pytest.mark.parametrize(
    ("text", "code", "host"),
    [
        (f"https://elsewhere.example:8443/b/{CODE}", CODE, "elsewhere.example:8443"),
        (f"https://registry.example.org@evil.example/b/{CODE}", CODE, "evil.example"),
        (f"https://id.gs1.org/01/09521234543213/21/{SECOND_LIFE}", SECOND_LIFE, "id.gs1.org"),
        (f"https://id.example.org/8004/{CODE}?17=270101", CODE, "id.example.org"),
        (f"https://id.example.org/01/09521234543213?code=%39{CODE[1:]}", CODE, "id.example.org"),
        (f"(01)09521234543213(21){SECOND_LIFE}", SECOND_LIFE, None),
        (f"0109521234543213\x1d{CODE}", CODE, None),
        ("9ZZ P B 24 0000003 G4C 0221953", CODE, None),
    ],
)
def test_other_labels_with_a_code(text, code, host):
    """Of other hosts, of GS1, in groups: the code, and the host that is truly named."""
    assert read_label(text) == (code, host)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6901234567892",
        "WIFI:T:WPA;S=x;;",
        "https://example.org/",
        "javascript:alert(1)",
        f"https://a.example/{CODE}/{SECOND_LIFE}",
        CODE[:-1],
        "9" * 1_001,
    ],
)
def test_what_is_no_label_of_a_battery(text):
    """Said kindly, with what was read and what to do."""
    with pytest.raises(CodeError) as caught:
        read_label(text)
    assert caught.value.rule == "scan.no_code"
    assert caught.value.fix
    assert len(caught.value.message) < 200


@given(st.text(max_size=1_200))
@settings(max_examples=300)
def test_any_text_is_a_code_or_an_error(text):
    """Whatever a label says, no other error comes of it, and no code that is none."""
    with suppress(CodeError):
        assert is_code(read_label(text).code)


# ------------------------------------------------------------------ photographs


def photo(kind="PNG", **options):
    """Return a photograph of a label as a phone takes it."""
    taken = BytesIO()
    picture = picture_of(printing.png(labels.make(CODE, "qr", SIZES["100x50"], HOST, 300), 300))
    photographed(picture).convert("RGB").save(taken, kind, **options)
    return taken.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_photograph_is_read(kind):
    """In the kinds that phones take."""
    assert read_photo(photo(kind)) == [url(CODE, HOST)]


def test_a_large_photograph_is_read_smaller():
    """Forty-eight million pixels, as phones have them: read at a part of that."""
    picture = picture_of(printing.png(labels.make(CODE, "qr", SIZES["100x50"], HOST, 300), 300))
    taken = BytesIO()
    picture.resize((8_000, 4_000)).save(taken, "JPEG", quality=60)
    assert read_photo(taken.getvalue()) == [url(CODE, HOST)]


def test_a_photograph_of_nothing():
    """No text, and no error: it was a picture."""
    taken = BytesIO()
    Image.fromarray(np.random.default_rng(6).integers(0, 255, (300, 400), dtype="uint8")).save(taken, "PNG")
    assert read_photo(taken.getvalue()) == []


def bomb(width, height):
    """Return a PNG of a few bytes that says it has so many pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1_000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.4",
        b"GIF89a" + b"\0" * 40,
        photo("JPEG")[:900],
        bomb(6_000, 6_000),
        bomb(10_000, 10_000),
        bomb(30_000, 30_000),
        bomb(2**31 - 1, 2**31 - 1),
        b"x" * (MAX_PHOTO_BYTES + 1),
    ],
    ids=["nothing", "pdf", "gif", "cut-off", "bomb", "larger", "huge", "absurd", "heavy"],
)
def test_what_is_no_photograph_is_refused(content):
    """Other files, damaged ones, and bombs: their pixels are counted before any is made."""
    with pytest.raises(UsageError) as caught:
        read_photo(content)
    assert caught.value.rule == "scan.photo"


@given(st.binary(max_size=400), st.integers(0, 300))
@settings(max_examples=100, deadline=None)
def test_damaged_photographs_are_refused_or_read(garbage, at):
    """Bytes changed anywhere: an answer or this one error, nothing else."""
    content = bytearray(SAMPLE)
    content[at : at + len(garbage)] = garbage
    try:
        assert isinstance(read_photo(bytes(content)), list)
    except UsageError as error:
        assert error.rule == "scan.photo"


SAMPLE = photo("JPEG", quality=40)
