"""Labels over HTTP: for whoever has a code, on record or not; bounded; and each reads."""

# ruff: noqa: F811 - fixtures of another module are imported

import io
import re
import zipfile

import pytest
import zxingcpp
from PIL import Image

from tests.api.conftest import HTML, PACK
from tests.api.test_accounts import Browser, accounts, quick_hashes  # noqa: F401 - fixtures
from tests.codes.pictures import of_pdf, picture_of
from tests.registry import sample
from voltrail.codes.labels import SIZES

UNKNOWN = sample.pack(999)  # not on record: makers print before they report
HOST = "registry.example.org"


def read(content):
    return [one.text for one in zxingcpp.read_barcodes(picture_of(content))]


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
@pytest.mark.parametrize("code", [PACK, UNKNOWN, f"NC-{sample.MAKER}-17"])
def test_a_label_of_any_code(client, code, suffix):
    """Without a sign-in, whether on record or not; named by its code, and it reads."""
    answer = client.get(f"/b/{code}/label.{suffix}", params={"size": "100x50", "host": HOST})
    assert answer.status_code == 200
    assert f'filename="{code}.{suffix}"' in answer.headers["content-disposition"]
    assert read(answer.content) == [f"https://{HOST}/b/{code}"]


def test_a_label_names_the_host_that_was_asked(client):
    """Or the log's own where it was asked on this machine alone, whose address is nobody else's."""
    for base, host in (
        ("https://battery.example", "battery.example"),
        ("http://127.0.0.1:8000", "sample.example"),
    ):
        content = client.get(f"{base}/b/{PACK}/label.png", params={"size": "100x50"}).content
        assert read(content) == [f"https://{host}/b/{PACK}"]


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("carrier=aztec", "label.carrier"),
        ("size=1x1", "label.size"),
        ("size=50x30&carrier=code128", "label.too_small"),
        ("host=a/b", "usage.host"),
        ("host=" + "h" * 80, "usage.host"),
        ("dpi=99999", "label.dots"),
    ],
)
def test_what_cannot_be_a_label(client, query, rule):
    """Said with its rule and what to do, in the one shape."""
    answer = client.get(f"/b/{PACK}/label.png?{query}")
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["rule"] == rule
    assert answer.json()["error"]["fix"]
    assert client.get("/b/9ZZP/label.svg").status_code == 400


def make(client, codes, **fields):
    return client.post("/labels/make", data={"codes": codes, "host": HOST} | fields, headers=HTML)


def test_sheets_of_what_was_pasted(client):
    """A PDF with each code once, from the place on that was named."""
    codes = [sample.pack(serial) for serial in range(1, 5)]
    answer = make(client, "\n".join([*codes, codes[0]]), do="pdf", size="a4-3x8", start="23")
    assert answer.headers["content-type"] == "application/pdf"
    pages = of_pdf(answer.content)
    assert [len(zxingcpp.read_barcodes(one)) for one in pages] == [2, 2]


@pytest.mark.parametrize("do", ["svg", "png"])
def test_pictures_of_several_come_in_a_zip(client, do):
    """One as it is; several each by its name."""
    one = make(client, PACK, do=do, size="100x50")
    assert read(one.content) == [f"https://{HOST}/b/{PACK}"]
    several = make(client, f"{PACK}\n{UNKNOWN}", do=do, size="100x50")
    with zipfile.ZipFile(io.BytesIO(several.content)) as archive:
        assert archive.namelist() == [f"{PACK}.{do}", f"{UNKNOWN}.{do}"]
        assert read(archive.read(f"{UNKNOWN}.{do}")) == [f"https://{HOST}/b/{UNKNOWN}"]


def test_the_page_shows_them_first(client):
    """The first labels as they will be, how many, on how many pages; the form keeps its fields."""
    codes = "\n".join(sample.pack(serial) for serial in range(1, 31))
    page = make(client, codes, do="show", size="a4-3x8", carrier="datamatrix", start="20").text
    shown = re.findall(r'<img src="(/b/[^"]+)"', page)
    assert len(shown) == 12
    assert "30 labels · 3 pages" in page
    assert client.get(shown[0].replace("&amp;", "&")).headers["content-type"].startswith("image/svg+xml")
    assert 'value="datamatrix" checked' in page
    assert 'value="20"' in page


def test_how_many_are_made_at_once(client, app, accounts):
    """Some hundred for anybody, ten thousand for who is signed in, and never more; said, not cut off."""
    many = "\n".join(sample.pack(serial) for serial in range(1, 302))
    refused = make(client, many, do="pdf")
    assert refused.status_code == 403
    assert "label.sign_in" in refused.text
    maker = Browser(app)
    maker.sign_in("maker")
    answer = maker.client.post("/labels/make", data={"codes": many, "do": "pdf", "host": HOST})
    assert answer.headers["content-type"] == "application/pdf"
    assert len(of_pdf(answer.content)) == 15
    too_many = "\n".join(sample.pack(serial) for serial in range(1, 10_002))
    answer = maker.client.post("/labels/make", data={"codes": too_many, "do": "pdf"})
    assert "label.too_many" in answer.text
    assert make(client, "x" * 1_100_000).status_code == 413


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"codes": ""}, "label.none"),
        ({"codes": f"{PACK}\n9ZZP"}, "identity.code"),
        ({"codes": PACK, "start": "99"}, "label.start"),
        ({"codes": PACK, "start": "x"}, "label.start"),
        ({"codes": PACK, "size": "x"}, "label.size"),
        ({"codes": PACK, "carrier": "x"}, "label.carrier"),
        ({"codes": PACK, "host": "<script>"}, "usage.host"),
    ],
)
def test_a_form_that_is_wrong_is_kept(client, fields, rule):
    """The page says what is wrong and keeps what was typed, escaped; a program gets the error."""
    page = client.post("/labels/make", data=fields, headers=HTML)
    assert page.status_code in {400, 422}
    assert rule in page.text
    assert fields["codes"] in page.text
    assert "<script>" not in page.text.replace('<script type="module"', "")
    answer = client.post("/labels/make", data=fields, headers={"Accept": "application/json"})
    assert answer.json()["error"]["rule"] == rule


def test_for_all_of_my_batteries(app, accounts):
    """From the workspace's list with its filters; nobody else's, and nobody without a sign-in."""
    maker = Browser(app)
    assert maker.get("/labels?mine=1").status_code == 303
    maker.sign_in("carmaker")
    page = maker.get("/labels?mine=1").text
    assert PACK in page
    assert PACK not in maker.get("/labels?mine=1&phase=waste").text
    other = Browser(app)
    other.sign_in("recycler")
    assert PACK not in other.get("/labels?mine=1").text


def test_programs_learn_what_there_is(client):
    """Carriers and sizes, as JSON."""
    told = client.get("/labels").json()
    assert {one["size"] for one in told["sizes"]} == set(SIZES)
    assert told["carriers"] == ["qr", "datamatrix", "code128"]


def test_a_picture_has_the_size_it_says(client):
    """100 × 50 mm at 203 dpi, so that label printers print dot for dot."""
    content = client.get(f"/b/{PACK}/label.png", params={"size": "100x50", "dpi": 203, "host": HOST}).content
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (799, 400)
    assert read(content) == [f"https://{HOST}/b/{PACK}"]
