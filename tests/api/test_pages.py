"""Pages: in the reader's language, whole without scripts, and from this host alone."""

import json
import re
from base64 import b64decode, b64encode
from html import unescape

import pytest

from tests.api.conftest import HTML, MODULE, PACK
from tests.registry import sample
from tests.web.chinese import unled
from voltrail.web import ASSETS, choose
from voltrail.web.catalogue import RULES
from voltrail.web.page import Page

MADE = 12  # the index of the pack's first event

PAGES = [
    "/",
    f"/b/{PACK}",
    f"/b/{MODULE}",
    f"/b/{PACK}?as_of=2026-04-30T00:00:00Z",
    f"/b/{PACK}?before=11",
    f"/b/{PACK}/genealogy",
    f"/b/{PACK}/events/{MADE}",
    "/batteries",
    "/batteries?level=pack&limit=1",
    "/search?q=9ZZ",
    "/search?q=none",
    "/log",
    "/docs",
    "/nothing",
    "/b/wrong",
]


def page(client, path, language="en"):
    return client.get(path, headers=HTML | {"Accept-Language": language}).text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_name_no_other_host_and_no_inline_script(client, path, language):
    """Every address on a page is one of this host; scripts are files of ours."""
    html = page(client, path, language)
    for script in re.findall(r"<script.*?</script>", html, re.DOTALL):
        assert re.fullmatch(
            r"""<script( type="module")? src="/static/[0-9a-f]{16}/[\w.]+\.js"( defer)?></script>""", script
        )
    assert " style=" not in html
    assert " on" not in re.findall(r"<[^>]+?( on)[a-z]+=", html)
    for address in re.findall(r'(?:href|src|action)="([^"]*)"', html):
        assert address.startswith(("/", "#")), address
        assert not address.startswith("//"), address
    hosts = set(re.findall(r"https?://([^/'\"\s<&]+)", html))
    assert hosts <= {"testserver.local"}


@pytest.mark.parametrize("path", PAGES)
def test_pages_in_two_languages(client, path):
    """The whole page, by the browser's wish or by ?lang=, with a way to the other."""
    english, chinese = page(client, path), page(client, path, "zh-CN,zh;q=0.9,en;q=0.5")
    assert '<html lang="en-GB">' in english
    assert '<html lang="zh-CN">' in chinese
    assert english.count("<h1") == chinese.count("<h1") == 1
    assert ">中文</a>" in english
    assert ">English</a>" in chinese
    separator = "&" if "?" in path else "?"
    assert '<html lang="zh-CN">' in page(client, f"{path}{separator}lang=zh")


@pytest.mark.parametrize(
    "path", [*PAGES, "/report", "/organisations", "/models", "/organisations/x", "/b/NC-x", "/log/proof/9999"]
)
def test_a_chinese_page_is_chinese_first(client, path):
    """No English sentence stands on it but after its Chinese, and then it is marked as English."""
    assert unled(page(client, path, "zh")) == []


def test_the_language_goes_along(client):
    """What was asked for by ?lang= stays in the links."""
    assert f'href="/b/{PACK}?lang=zh"' in page(client, "/?lang=zh")
    assert 'name="lang" value="zh"' in page(client, "/?lang=zh")


def test_the_battery_page_tells_a_life(client):
    """The code read out, what happened in the language of the page, what is not shown by name."""
    english, chinese = page(client, f"/b/{PACK}"), page(client, f"/b/{PACK}", "zh")
    assert '<span class="seg chem">B<small>LFP</small></span>' in english
    assert (
        '<span class="seg maker">9ZZ<small>厂商</small></span>' in chinese
    )  # short: all on one line of a phone
    assert "12 Apr 2026" in english
    assert "2026年4月12日" in chinese
    for word in ("Manufactured", "Assembled", "Shipped", "Received", "Installed", "Measured"):
        assert f"<b>{word}</b>" in english
    assert "<b>生产</b>" in chinese
    assert "state of health" in english
    assert "健康度" in chinese
    assert f"voltrail verify {PACK}.evidence.json" in english
    assert f'href="/b/{PACK}/evidence"' in english
    assert "Fitted into a vehicle or a storage system." in english
    assert "已装入车辆或储能系统。" in chinese
    for words in (english, chinese):
        assert f'href="/b/{PACK}/events/{MADE}"' in words
        assert "/log/authorities" in words
    assert MODULE in english


def test_an_event_s_page_leads_to_the_signed_bytes(client, registry):
    """Members with salts, digests of those withheld, entry, report and key: as they stand in the evidence."""
    given = json.loads(registry.evidence(PACK))
    for event in given["events"]:
        html = unescape(page(client, f"/b/{PACK}/events/{event['index']}"))
        shown = [one for one in event["members"] if "bytes" in one]
        for one in shown:
            assert b64decode(one["bytes"]).decode() in html
            assert one["salt"] in html
        assert all(one["withheld"] in html for one in event["members"] if "withheld" in one)
        entry = b64decode(event["entry"])
        assert entry.hex() in html
        assert b64encode(entry[9:41]).decode() in html
        assert event["report"] in html
        assert given["reports"][event["report"]].splitlines()[-1] in html


def test_a_family_unfolds(client):
    """Parts stand below what they are built into, and lead back to it; without scripts."""
    tree, part = page(client, f"/b/{PACK}/genealogy"), page(client, f"/b/{MODULE}")
    assert re.search(rf"<details.*<summary>Parts.*{MODULE}", tree, re.DOTALL)
    assert f'href="/b/{PACK}"' in part
    assert "Built into a larger battery." in part
    assert "所属电池" in page(client, f"/b/{MODULE}/genealogy", "zh")


@pytest.mark.parametrize("path", [f"/b/{PACK}", f"/b/{PACK}/events/{MADE + 4}"])
def test_the_public_page_keeps_its_secrets(client, path):
    """Neither vehicle nor holder nor health stands on it."""
    html = page(client, path)
    assert "LSVAA4187E2184847" not in html
    assert "0.987" not in html
    assert "秘密" not in html


def test_the_page_says_that_evidence_names_who_reported(client):
    """It does not claim to withhold what the file beside it gives away; what it withholds is still named."""
    english, chinese = page(client, f"/b/{PACK}"), page(client, f"/b/{PACK}", "zh")
    assert "It names who reported each event" in english
    assert "证据文件载明每个事件的报送者" in chinese
    withheld = re.findall(r"Not shown to the public: ([^<]*)<", english)
    assert any("vehicle" in names for names in withheld)
    assert not any("reporter" in names for names in withheld)


def test_a_late_report_is_marked(client, registry):
    """An event that came after later ones stands where it happened, and says so in both languages."""
    lines = [
        sample.line("measured", f"2026-05-{day}T10:00:00+08:00", code=sample.pack(3), cycles=day)
        for day in (20, 10)
    ]
    made = sample.line("manufactured", "2026-04-11T10:00:00+08:00", code=sample.pack(3))
    for one in (made, *lines):
        registry.report(sample.report(sample.signer(sample.MAKER), [one]))
    for language, mark in (("en", "reported late"), ("zh", "补报")):
        html = page(client, f"/b/{sample.pack(3)}", language)
        days = re.findall(r'<time class="faint" datetime="2026-(\d\d-\d\d)', html)
        assert days == ["05-20", "05-10", "04-11"]
        assert re.findall(rf'datetime="2026-(\d\d-\d\d)T(?:(?!datetime).)*>{mark}<', html, re.DOTALL) == [
            "05-10"
        ]


def test_a_finding_says_what_was_late(client, registry):
    """In Chinese by its rule; the public is told which deadline it was, and nothing else."""
    pack = sample.pack(4)
    made = sample.line("manufactured", "2026-04-11T10:00:00+08:00", code=pack)
    registry.report(sample.report(sample.signer(sample.MAKER), [made]))
    taken_in = sample.line("collected", "2026-04-20T10:00:00+08:00", code=pack)
    receipt = registry.report(sample.report(sample.signer(sample.RECYCLER), [taken_in]))
    assert "duty.o73-04" in {one["rule"] for one in json.loads(receipt)["findings"]}
    assert "Reported after its deadline." in page(client, f"/b/{pack}")
    chinese = page(client, f"/b/{pack}", "zh")
    assert RULES["zh"]["duty.o73-04"].message in chinese
    assert unled(chinese) == []


def test_what_people_type_is_not_markup(client):
    """A search is shown as text."""
    html = page(client, "/search?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_programs_and_people(client):
    """HTML only for those who name it first."""
    for accept, kind in [
        ("*/*", "application/json"),
        ("application/json, text/html", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("text/html", "text/html"),
        ("", "application/json"),
    ]:
        response = client.get(f"/b/{PACK}", headers={"Accept": accept})
        assert response.headers["content-type"].startswith(kind), accept
        assert "Accept" in response.headers["vary"]


def test_static_files_may_be_kept(client):
    """Their address changes with their content."""
    for asset in ASSETS.values():
        response = client.get(asset.path)
        assert response.content == asset.content
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["etag"]
    assert b"url(" not in ASSETS["voltrail.css"].content
    assert b"@import" not in ASSETS["voltrail.css"].content


@pytest.mark.parametrize(
    ("asked", "header", "language"),
    [
        (None, "", "en"),
        ("zh", "en", "zh"),
        ("fr", "zh-TW", "zh"),
        (None, "fr, en;q=0.8, zh;q=0.9", "zh"),
        (None, "zh;q=0, de", "en"),
        (None, "zh;q=x,en", "en"),
    ],
)
def test_choosing_a_language(asked, header, language):
    """What is asked for, then the browser's order, then English."""
    assert choose(asked, header) == language


def test_figures():
    """As people write them."""
    english, chinese = Page("en"), Page("zh")
    assert english.number(1234567.5) == "1,234,567.5"
    assert chinese.number(1234567) == "1\u2009234\u2009567"
    assert english.moment("2026-05-03T08:00:00+08:00") == "3 May 2026 08:00 UTC+08:00"
    assert chinese.moment("2026-05-03T08:00:00Z") == "2026年5月3日 08:00 UTC"
    assert english.day("soon") == "soon"
    assert chinese.value([True, 1000, {"Li": 0.2}]) == "是、1\u2009000、Li 0.2"


def test_a_closed_log_is_still_read(client, registry, monkeypatch):
    """Pages of a log that must not be written say so, and show what it holds."""
    from voltrail.errors import RegistryClosed

    monkeypatch.setattr(registry, "closed", RegistryClosed("log.closed", "Restored."))
    page = client.get(f"/b/{PACK}", headers=HTML)
    assert page.status_code == 200
    assert "This log is closed" in page.text
    assert client.get(f"/b/{PACK}/evidence").status_code == 503
