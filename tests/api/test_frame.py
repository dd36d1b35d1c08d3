"""The frame of all pages, and the pages that belong to it: front page, search, log, and what is not there."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from urllib.parse import parse_qsl

import pytest
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML, PACK
from tests.registry import sample
from voltrail.api import create_app
from voltrail.errors import RegistryClosed
from voltrail.registry.settings import initialise
from voltrail.web import ASSETS
from voltrail.web.catalogue import CATALOGUES

VIN = "LSVAA4187E2184847"
PAGES = ["/", "/batteries", "/log", "/docs", "/search?q=9ZZ", "/search?q=none", f"/b/{PACK}", "/nothing"]


def got(client, path, language="en", **headers):
    client.cookies.clear()
    return client.get(path, headers=HTML | {"Accept-Language": language} | headers)


def page(client, path, language="en"):
    return got(client, path, language).text


@pytest.mark.parametrize("path", PAGES)
def test_the_same_head_on_every_page(client, path):
    """The places of the record, the page's own marked; a way to the content for the keyboard."""
    html = page(client, path)
    nav = re.search(r"<nav.*?</nav>", html, re.DOTALL)[0]
    assert re.findall(r'href="([^"]*)"', nav) == [
        *("/", "/batteries", "/scan", "/report", "/stations", "/outlook", "/technology", "/log", "/docs")
    ]
    assert re.findall(r'href="([^"]*)" aria-current', nav) == (
        [path] if "?" not in path and path in nav else []
    )
    assert '<a class="skip" href="#content">' in html
    assert html.count('id="content"') == 1
    assert 'role="search"' in html


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_charts_is_light(client, path):
    """With everything that it loads: 150 KB at most; the list of all addresses, which packs well, 250 KB."""
    html = page(client, path)
    loaded = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html))
    assert len(html.encode()) + sum(len(client.get(one).content) for one in loaded) < (
        250_000 if path == "/docs" else 150_000
    )


@pytest.mark.parametrize("path", PAGES)
def test_scripts_are_files_of_this_host(client, path):
    """The policy lets no other run: none stands in the page, nor any style."""
    response = got(client, path)
    policy = response.headers["content-security-policy"]
    assert "script-src 'self'; connect-src 'self';" in policy
    assert "unsafe" not in policy
    for attributes, inside in re.findall(r"<script([^>]*)>(.*?)</script>", response.text, re.DOTALL):
        assert re.search(r' src="/static/', attributes)
        assert not inside
    assert not re.search(r"<[^>]+\s(on\w+|style)=", response.text)
    assert "<style" not in response.text


@pytest.mark.parametrize("path", ["/", f"/b/{PACK}", "/nothing"])
def test_who_comes_from_elsewhere_gets_the_style_with_the_page(client, path):
    """In one answer, and through the policy by its hash; within the site it is a file that is kept."""
    file = ASSETS["voltrail.css"]
    for site in ("none", "cross-site", "same-site"):
        response = got(client, path, **{"Sec-Fetch-Site": site})
        [style] = re.findall("<style>(.*?)</style>", response.text, re.DOTALL)
        assert style.encode() == file.content
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert f"style-src 'self' 'sha256-{digest}';" in response.headers["content-security-policy"]
        assert "Sec-Fetch-Site" in response.headers["vary"]
        assert file.path not in response.text
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
        html = got(client, path, **headers).text
        assert f'<link rel="stylesheet" href="{file.path}">' in html
        assert "<style" not in html


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", [*PAGES, "/report", "/log/absence", "/checks"])
def test_commands_stand_as_code(client, path, language):
    """In no sentence of a page is a backtick left, and no command outside of code."""
    html = re.sub(r"<(pre|code|textarea)[ >].*?</\1>", "", page(client, path, language), flags=re.DOTALL)
    told = unescape(re.sub(r"<[^>]*>", " ", html))
    assert "`" not in told
    assert not re.search(r"\bvoltrail (report|log|key|verify|witness|serve|account)\b", told)


def test_the_language_switch_stays_on_the_page(client):
    """With all that was asked for, the language itself replaced."""
    for path, language in (
        ("/search?q=9ZZ&limit=2&theme=light", "zh"),
        ("/search?q=9ZZ&limit=2&lang=zh", "en"),
    ):
        switch = re.search(r'<a class="lang" href="([^"]*)"', page(client, path))[1]
        before, _, query = unescape(switch).partition("?")
        assert (before, dict(parse_qsl(query))) == ("/search", {"q": "9ZZ", "limit": "2", "lang": language})


def test_light_and_dark_are_chosen_without_scripts(client):
    """By a link, remembered by a cookie that holds nothing else; as the device is until then."""
    assert "data-theme" not in page(client, "/log")
    chosen = got(client, "/log?theme=dark")
    assert 'data-theme="dark"' in chosen.text
    assert chosen.headers["set-cookie"] == "theme=dark; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
    later = got(client, "/log", Cookie="theme=dark")
    assert 'data-theme="dark"' in later.text
    assert 'href="/log?theme=light"' in later.text
    assert "set-cookie" not in later.headers
    assert "Cookie" in later.headers["vary"]
    assert 'data-theme="light"' in got(client, "/docs?theme=light", Cookie="theme=dark").text
    for wrong in ("/log?theme=x", '/log?theme="><script>'):
        assert "data-theme" not in got(client, wrong).text
        assert "set-cookie" not in got(client, wrong).headers


def test_dark_is_for_the_screen_alone(client):
    """On paper the page is dark on light, whatever was chosen; both ways to dark say the same."""
    css = ASSETS["voltrail.css"].content.decode()
    dark = re.findall(r"@media screen[^@]*?(--ink: #e8eef2[^}]*)", css)
    assert len(dark) == css.count("--ink: #e8eef2") == 2
    assert len({re.sub(r"\s+", " ", one).strip() for one in dark}) == 1


def test_the_front_page_tells_what_is_on_record(client, registry):
    """Counts that lead on, the newest checkpoint, what was reported last: the first event of each report."""
    html = page(client, "/")
    counts = registry.counts()
    assert f'<a href="/batteries">{counts["batteries"]:,}</a>' in html
    assert f'<a href="/log">{counts["entries"]:,}</a>' in html
    assert registry.checkpoint().split("\n")[2] in html
    latest = registry.latest()
    assert latest[0]["index"] > latest[-1]["index"]
    assert all(f'href="/b/{one["id"]}"' in html for one in latest if one["subject"] == "battery")
    assert VIN not in html


def test_the_front_page_renews_itself(client):
    """The part that moves asks for itself again, as a page, in its language; it is whole without that."""
    html = page(client, "/?lang=zh", "en")
    [tag] = re.findall(r'<section id="record"[^>]*>', html)
    assert 'hx-get="/?lang=zh"' in tag
    headers = json.loads(re.search(r"hx-headers='([^']*)'", tag)[1])
    renewed = client.get("/?lang=zh", headers=headers).text
    assert '<section id="record"' in renewed
    assert "记录概况" in renewed
    assert ASSETS["htmx.min.js"].path in html
    assert ASSETS["htmx.min.js"].path not in page(client, "/log")


def test_what_was_typed_wrongly_is_shown_and_not_followed(client):
    """A whole code leads to its page; one that was read differently is offered, and the page says why."""
    spaced = f"{PACK[:12].lower()} {PACK[12:]}"
    assert got(client, f"/search?q={spaced}").headers["location"] == f"/b/{PACK}"
    misread = got(client, f"/search?q={PACK.replace('0', 'O')}")
    assert misread.status_code == 200
    assert f'href="/b/{PACK}"' in misread.text
    assert "if some characters were misread" in misread.text
    turned = page(client, f"/search?q={PACK[12:]}{PACK[:12]}")
    assert f'href="/b/{PACK}"' in turned
    assert "two halves the other way round" in turned


def test_a_list_that_was_cut_says_so(client):
    """Where more may follow than is shown; not where everything is."""
    assert "There may be more than these 1" in page(client, "/search?q=9ZZ&limit=1")
    assert "There may be more" not in page(client, f"/search?q={PACK[:20]}")


def test_a_vehicle_on_record_is_answered_as_one_that_is_not(client):
    """Whoever types a VIN learns that vehicles are not public, and not whether this one is there."""
    known, unknown = page(client, f"/search?q={VIN}"), page(client, "/search?q=LSVAA4187E2184848")
    assert known.replace(VIN, "") == unknown.replace("LSVAA4187E2184848", "")
    assert "not public" in known
    assert client.get(f"/search?q={VIN}").json() == {"found": []}


def test_nothing_found_helps(client):
    """What was typed stays in the box, and the page says what to try."""
    html = page(client, "/search?q=Q7none")
    assert "Nothing found for" in html
    assert 'value="Q7none"' in html
    assert "character by character" in html


@pytest.mark.parametrize(
    ("path", "typed"),
    [(f"/b/{sample.pack(9999)}", sample.pack(9999)), ("/b/9ZZPB2400", "9ZZPB2400"), ("/nothing", "")],
)
def test_what_is_not_there_helps(client, path, typed):
    """A search box, with what was looked for in it, in the words of the reader."""
    for language in ("en", "zh"):
        html = page(client, path, language)
        assert f'value="{typed}"' in html
        assert CATALOGUES[language].gettext("What to do") in html
        heading = re.search(r"<h1[^>]*>([^<]*)<", html)[1]
        assert (language == "zh") == bool(re.search(r"[一-鿿]", heading))


def test_the_code_that_was_probably_meant_is_a_link(client):
    """Two halves in the wrong order are put right."""
    assert f'<a class="mono" href="/b/{PACK}">{PACK}</a>' in page(client, f"/b/{PACK[12:]}{PACK[:12]}")


def test_the_log_for_programs(client, registry):
    """How it stands, its witnesses, how it grew up to its size, and its policy."""
    log = client.get("/log").json()
    size = log["checkpoint"]["size"]
    assert log["origin"] == registry.origin
    assert log["closed"] is None
    assert log["checkpoint"]["root"] == client.get("/log/checkpoint").text.split("\n")[2]
    assert log["policy"] == client.get("/log/policy").text
    assert log["witnesses"] == client.get("/log/witnesses").json()["witnesses"]
    counts = [one["entries"] for one in log["growth"]]
    assert (counts[0], counts[-1]) == (1, size)
    assert counts == sorted(set(counts))
    times = [one["received_at"] for one in log["growth"]]
    assert times == sorted(times)


def test_the_log_for_people(client):
    """What it is, the chart with its table, and how to check it without this server."""
    html = page(client, "/log")
    log = client.get("/log").json()
    assert log["checkpoint"]["root"] in html
    assert '<path class="line" d="M0.00 ' in html
    assert html.count("<tr><td><time") == len(log["growth"])
    assert "voltrail verify CODE.evidence.json" in html
    assert "http://testserver.local/log/checkpoint" in html
    assert log["policy"].split("+")[2][:40].strip() in html
    assert "No independent witness is named yet" in html


def test_the_growth_as_csv(client):
    """The numbers behind the chart, for a spreadsheet."""
    response = client.get("/log/growth.csv")
    assert response.headers["content-type"].startswith("text/csv")
    first, *rows = response.text.split("\r\n")[:-1]
    assert first == "received_at,entries"
    growth = client.get("/log").json()["growth"]
    assert rows == [f"{one['received_at']},{one['entries']}" for one in growth]


def test_a_closed_log_says_so_on_its_pages(client, registry, monkeypatch):
    """The front page and the log's are still shown, without a promise that nobody makes."""
    monkeypatch.setattr(registry, "closed", RegistryClosed("log.closed", "Restored."))
    for path in ("/", "/log"):
        response = got(client, path)
        assert response.status_code == 200
        assert "This log is closed" in response.text
        assert "signed for" not in response.text
    assert client.get("/log").json()["closed"] == "log.closed"


def test_an_empty_record_says_how_to_fill_it(tmp_path):
    """Before the first report each page of the frame is whole, and says what to do."""
    initialise(tmp_path / "data", sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(tmp_path / "data") as registry, TestClient(create_app(registry)) as client:
        for path in ("/", "/batteries", "/log"):
            html = page(client, path)
            assert "Nothing has been reported yet" in html, path
            assert "voltrail report FILE.jsonl" in html, path
        assert client.get("/log").json()["growth"] == []
        assert client.get("/log/growth.csv").text == "received_at,entries\r\n"
