"""Labels: each that is made is read back, in all formats, sizes and states; what may not read is refused."""

import re
from datetime import date
from itertools import pairwise

import pytest
import zxingcpp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.codes import strategies
from tests.codes.pictures import WAYS, of_pdf, picture_of
from voltrail.codes import issue, labels, printing, url
from voltrail.codes.carriers import CARRIERS, QUIET_MODULES, content_of, encode
from voltrail.codes.labels import SIZES, SMALLEST_MODULE_MM, read_list
from voltrail.codes.scanned import read_label
from voltrail.errors import CodeError, UsageError

CODE = "9ZZPB240000003G4C0221953"
SECOND_LIFE = "9ZZPB24G4C0221953RP"
NO_CODE = "NC-91000000MA0000000X-2026-00017"
HOST = "registry.example.org"
THREE_SIZES = {
    "qr": ("50x30", "a4-3x8", "100x150"),
    "datamatrix": ("50x30", "letter-3x10", "100x50"),
    "code128": ("a4-2x7", "100x50", "100x150"),
}
EACH = [(carrier, size) for carrier, sizes in THREE_SIZES.items() for size in sizes]
ALL = strategies.codes | strategies.no_codes
FORMATS = {zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix, zxingcpp.BarcodeFormat.Code128}


def read(image):
    """Return what is read in a picture."""
    return [one.text for one in zxingcpp.read_barcodes(image) if one.format in FORMATS]


def drawn(carrier, size, code=CODE, kind="png"):
    """Return a label as a file of a kind."""
    dots = 300 if kind == "png" else labels.DOTS_PER_INCH
    label = labels.make(code, carrier, SIZES[size], HOST, dots)
    if kind == "png":
        return printing.png(label, dots)
    return printing.svg(label) if kind == "svg" else printing.pdf([label], SIZES[size])


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
@pytest.mark.parametrize(("carrier", "size"), EACH)
def test_every_label_is_read_back(carrier, size, kind):
    """By another reader than its writer: as it is, and blurred, grainy, askew, faded, worn."""
    picture = picture_of(drawn(carrier, size, kind=kind))
    wanted = [content_of(carrier, CODE, HOST)]
    assert read(picture) == wanted
    for worse in WAYS:
        assert read(worse(picture)) == wanted, worse.__name__
    assert read_label(wanted[0]).code == CODE


@settings(max_examples=60, deadline=None)
@given(code=ALL, carrier=st.sampled_from(CARRIERS), size=st.sampled_from(sorted(SIZES)))
def test_codes_of_all_forms_are_read_back(code, carrier, size):
    """Whatever the code: its label reads, or is refused as too small; never is one made that does not."""
    try:
        label = labels.make(code, carrier, SIZES[size], HOST, 300)
    except UsageError as error:
        assert error.rule == "label.too_small"
        assume(False)
    assert read(picture_of(printing.png(label, 300))) == [content_of(carrier, code, HOST)]


@given(code=ALL, carrier=st.sampled_from(CARRIERS), size=st.sampled_from(sorted(SIZES)))
@settings(max_examples=200, deadline=None)
def test_nothing_is_too_small_or_runs_over(code, carrier, size):
    """Modules of 0.25 mm or more, the light margin on the label, no words on it or beyond what is printed."""
    chosen = SIZES[size]
    try:
        label = labels.make(code, carrier, chosen, HOST)
    except UsageError as error:
        assert error.rule == "label.too_small"
        assert error.source
        return
    assert label.module_mm >= SMALLEST_MODULE_MM
    across, down = chosen.margins_mm
    quiet = QUIET_MODULES[carrier] * label.module_mm
    right = label.x_mm + label.symbol.width * label.module_mm
    bottom = label.y_mm + label.symbol.height * label.module_height_mm
    slack = 1e-6
    assert across - slack <= label.x_mm
    assert right <= chosen.width_mm - across + slack
    assert down - slack <= label.y_mm
    assert bottom <= chosen.height_mm - down + slack
    assert quiet - slack <= label.x_mm
    assert right + quiet <= chosen.width_mm + slack
    for words in label.words:
        assert words.x_mm >= across - slack
        assert words.x_mm + words.width_mm <= chosen.width_mm - across + slack
        assert words.y_mm <= chosen.height_mm - down + slack
        beside = words.x_mm >= right + min(quiet, 1.5) - slack
        assert beside or words.y_mm - words.height_mm >= bottom + min(quiet, 1.5) - slack
    for above, below in pairwise(label.words):
        assert below.y_mm - below.height_mm >= above.y_mm - slack


@given(code=ALL)
@settings(deadline=None)
def test_people_read_the_same(code):
    """The words of a label, spaces aside, are the code and the address."""
    label = labels.make(code, "qr", SIZES["100x50"], HOST)
    assert "".join(one.text for one in label.words if one.bold).replace(" ", "") == code
    assert "".join(one.text for one in label.words if not one.bold) == url(code, HOST)


def test_a_code_stands_in_its_groups():
    """As pages show it, so that eyes find the part that they compare."""
    label = labels.make(CODE, "code128", SIZES["100x50"], HOST)
    assert [one.text for one in label.words if one.bold] == ["9ZZ P B 24 0000003 G4C 0221953"]


@pytest.mark.parametrize("size", ["50x30", "60x40", "a4-3x7", "letter-3x10"])
def test_what_would_not_print_is_refused(size):
    """Bars on a narrow label would be too narrow: it says so, and what to take instead."""
    with pytest.raises(UsageError) as caught:
        labels.make(CODE, "code128", SIZES[size], HOST)
    assert caught.value.rule == "label.too_small"
    assert "0.25 mm" in caught.value.message
    assert "larger" in caught.value.fix or "wider" in caught.value.fix


@pytest.mark.parametrize(
    ("code", "host", "rule"),
    [("9ZZP", HOST, "identity.code"), (CODE, "a/b", "usage.host"), (CODE, "h" * 65, "usage.host")],
)
def test_what_is_no_label(code, host, rule):
    """A code that is none, and a host that is more than one."""
    with pytest.raises((CodeError, UsageError)) as caught:
        labels.make(code, "code128", SIZES["100x50"], host)
    assert caught.value.rule == rule


def test_a_sheet_begun_before_goes_on():
    """The first label stands in the place that is named, and so on, over as many pages as it takes."""
    size = SIZES["a4-3x8"]
    codes = list(
        issue(maker="9ZZ", count=28, level="pack", battery_type="B", production_date=date(2026, 4, 12))
    )
    made = printing.pdf((labels.make(code, "datamatrix", size, HOST) for code in codes), size, 20)
    first, second = of_pdf(made)
    assert sorted(read(first)) == [url(code, HOST) for code in codes[:4]]
    assert sorted(read(second)) == [url(code, HOST) for code in codes[4:28]]
    position = zxingcpp.read_barcodes(first)[0].position
    assert position.top_left.y > first.height * 20 // 24 * 0.9


@pytest.mark.parametrize("start", [-1, 24])
def test_a_sheet_has_no_such_place(start):
    """Said, not printed beside the paper."""
    with pytest.raises(UsageError) as caught:
        printing.pdf([], SIZES["a4-3x8"], start)
    assert caught.value.rule == "label.start"


def test_the_same_labels_are_the_same_bytes():
    """Nothing of the moment or the machine gets into a file."""
    for kind in ("svg", "png", "pdf"):
        assert drawn("qr", "a4-3x8", kind=kind) == drawn("qr", "a4-3x8", kind=kind)


def test_an_svg_needs_nothing_else():
    """No style, no script, no address but the label's own words: it stands in any page, under any policy."""
    text = drawn("qr", "100x50", kind="svg").decode()
    assert not re.search(r"style|script|href|url\(", text)
    assert text.count("http") == 1 + sum("http" in one for one in re.findall(r">([^<]*)</text>", text))


def test_a_list_is_read_as_people_send_it():
    """One a line or between commas, with spaces, small letters, addresses, a BOM, quotes and empty lines."""
    text = f"\ufeff{CODE}\r\n\n 9zz p b 24 g4c 0221953 rp ,{CODE};https://x.example/b/{NO_CODE}\n"
    assert read_list(text, 10) == [CODE, SECOND_LIFE, NO_CODE]


@pytest.mark.parametrize(
    ("text", "most", "rule", "line"),
    [
        (f"{CODE}\n{CODE[:-1]}X", 10, "identity.code", 2),
        (f"{CODE}\n{NO_CODE}", 1, "label.too_many", 2),
        (" \n,", 10, "label.none", None),
    ],
)
def test_a_list_that_does_not_read(text, most, rule, line):
    """The error names the line."""
    with pytest.raises((CodeError, UsageError)) as caught:
        read_list(text, most)
    assert (caught.value.rule, caught.value.line) == (rule, line)


def test_a_symbol_has_its_margin():
    """QR four modules, Data Matrix more than its one, Code 128 ten; level Q, as the module says."""
    assert (QUIET_MODULES["qr"], QUIET_MODULES["code128"]) == (4, 10)
    assert QUIET_MODULES["datamatrix"] >= 1
    found = zxingcpp.read_barcode(picture_of(drawn("qr", "100x50")))
    assert found.ec_level == "Q"
    assert encode("code128", CODE).height == 1
