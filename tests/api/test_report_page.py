"""The page for reporting: what became of each line, and clear words for whatever was chosen instead."""

import html
import json
import re
from base64 import b64decode

import pytest

from tests.api.conftest import PACK
from tests.registry import sample
from voltrail.ledger.receipts import verify_receipt
from voltrail.ledger.reports import MAX_FILE_BYTES

BROWSER = {"Accept": "text/html", "Accept-Language": "en"}


def sent(client, file, do="send", name="day.report", language="en"):
    headers = BROWSER | {"Accept-Language": language}
    return client.post("/report", files={"file": (name, file)}, data={"do": do}, headers=headers)


def text_of(page):
    """Return what a page says in its result, without markup."""
    found = re.search(r'<section[^>]*id="result".*?</section>', page.text, re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", found[0])))


def link_of(page, name):
    """Return the file that a link of the page holds."""
    return b64decode(re.search(rf'download="[^"]*{name}" href="data:[^;]+;base64,([^"]+)"', page.text)[1])


def signed(*lines, key=None):
    return sample.report(key or sample.signer(sample.MAKER), list(lines))


def shipped(serial, **members):
    return sample.line("shipped", "2026-04-13T10:00:00+08:00", code=sample.pack(serial), **members)


RECYCLED = sample.line("recycled", "2026-05-01T10:00:00+08:00", code=PACK)


@pytest.mark.parametrize(("language", "word"), [("en", "Check first"), ("zh", "先核查")])
def test_the_page_for_people(client, language, word):
    """It takes one file, sends it to itself, and never the key."""
    page = client.get("/report", headers=BROWSER | {"Accept-Language": language})
    assert word in page.text
    assert page.text.count("<h1") == 1
    assert re.findall(r'<input[^>]* name="(\w+)"', page.text.partition('id="report"')[2]) == ["file"]
    assert f'data-origin="{sample.ORIGIN}"' in page.text
    words = json.loads(html.unescape(re.search(r'data-words="([^"]*)"', page.text)[1]))
    assert words["key.none"]


def test_each_line_is_told_with_what_became_of_it(client, registry):
    """Taken, taken with findings, known, refused: with words, rule, fix; the receipt goes along."""
    first = sample.first_life(sample.pack(51))
    registry.report(signed(first[0]))
    gap = shipped(52, to=sample.CARMAKER)
    page = sent(client, signed(*first, gap, RECYCLED))
    told = text_of(page)
    assert page.status_code == 200
    assert "3 of 4 lines are on record" in told
    for words in ("Taken 1", "Taken, with findings 1", "Known before 1", "Refused 1"):
        assert words in told
    assert (
        told.index("Refused Line 4") < told.index("Taken, with findings Line 3") < told.index("Taken Line 2")
    )
    assert "role.may_not" in told
    assert "It is reported by: utilisation_enterprise." in told
    receipt = verify_receipt(link_of(page, "receipt.json"), registry.keys.log.verifier)
    assert [one.line for one in receipt.refused] == [3]
    assert link_of(page, "refused.jsonl") == RECYCLED + b"\n"
    assert f"entry {receipt.first_index}" in told


def test_checking_first_records_nothing(client, registry):
    """What would be taken with a finding is told apart from what would be refused; nothing is reported."""
    before = registry.counts()["reports"]
    new = sample.first_life(sample.pack(53))[0]
    told = text_of(sent(client, signed(new, shipped(54, to=sample.CARMAKER), RECYCLED), "check"))
    assert "Not yet: 1 of 3 lines would be refused" in told
    assert "Would be taken, with findings 1" in told
    assert "Nothing is recorded yet" in told
    assert registry.counts()["reports"] == before
    assert "All 1 lines would be taken" in text_of(sent(client, signed(new), "check"))


def test_the_same_file_again_gives_the_same_receipt(client):
    """Whoever lost the answer sends again, and gets it."""
    file = signed(*sample.first_life(sample.pack(55)))
    assert link_of(sent(client, file), "receipt.json") == link_of(sent(client, file), "receipt.json")


def test_what_is_sent_is_not_markup(client):
    """Script tags in lines and file names stay text, in rows, messages and the field for mending."""
    attack = "</textarea><script>alert(1)</script>"
    line = sample.line("manufactured", "2026-04-12T10:00:00+08:00", code=attack, note=attack)
    page = sent(client, signed(line, sample.line(attack, attack, code=attack)), name=f"{attack}.report")
    assert "<script>alert" not in page.text
    assert page.text.count("</textarea>") == 1
    assert attack in html.unescape(page.text)


def test_the_line_that_undoes_a_line_is_ready(client, registry):
    """What the page offers makes its entry void, whatever batteries and vehicles the entry names."""
    one, other = sample.pack(57), sample.pack(58)
    made = [sample.first_life(code)[0] for code in (one, other)]
    both = sample.line("shipped", "2026-04-13T10:00:00+08:00", code=one, codes=[other], to=sample.CARMAKER)
    page = sent(client, signed(*made, both, RECYCLED))
    offered = [html.unescape(line) for line in re.findall(r'class="correction">([^<]*)</pre>', page.text)]
    assert len(offered) == 3
    told = text_of(sent(client, signed(offered[2].encode())))
    assert "All 1 lines are on record" in told
    for code in (one, other):
        events = registry.history(code)["events"]
        assert [event["corrected_by"] is not None for event in events] == [False, True, False]
    fitted = sample.fitted(one)
    told = sent(client, signed(*fitted, key=sample.signer(sample.CARMAKER)))
    voids = [html.unescape(line) for line in re.findall(r'class="correction">([^<]*)</pre>', told.text)]
    again = sent(client, signed(*(line.encode() for line in voids), key=sample.signer(sample.CARMAKER)))
    assert "All 2 lines are on record" in text_of(again)


BOM, NOTHING = b"\xef\xbb\xbf", b""


@pytest.mark.parametrize(
    ("file", "status", "rule"),
    [
        (NOTHING, 400, "report.none"),
        (b'{"kind":"retired"}\n', 401, "access.sign_in"),
        (BOM + b'{"kind":"retired"}\r\n', 401, "access.sign_in"),
        (b"PK\x03\x04\x00\x00spreadsheet", 422, "report.spreadsheet"),
        (b"\x00" * 1000, 400, "report.layout"),
        (signed(RECYCLED).replace(b"secret ", b"Secret "), 400, "report.layout"),
        (signed(RECYCLED).replace(b'"recycled"', b'"Recycled"'), 422, "report.root"),
        (signed(RECYCLED).replace(b"\n{", b"\n" + BOM + b"{"), 422, "line.bom"),
        (signed(RECYCLED)[:-1] + b"\r\n", 422, "line.cr"),
        (signed(RECYCLED)[:-1], 422, "report.unfinished"),
        (signed(RECYCLED).replace(b'{"kind"', b'{ "kind"'), 400, "line.whitespace"),
        (signed(RECYCLED).replace(b'"recycled"', b'"re\x00cycled"'), 400, "line.json"),
        (signed(RECYCLED, key=sample.signer(sample.MAKER, "stolen")), 422, "report.key_unknown"),
        (signed(RECYCLED).replace(sample.ORIGIN.encode(), b"other.example/log", 1), 422, "report.origin"),
    ],
)
@pytest.mark.parametrize("do", ["check", "send"])
def test_wrong_files_are_told_in_place(client, file, status, rule, do):
    """On the same page, with the form: what is wrong, what to do, the rule; never a defect."""
    page = sent(client, file, do)
    told = text_of(page)
    assert rule in told, told
    assert "Nothing was taken" in told
    assert page.status_code == status
    assert 'id="report"' in page.text


def test_a_broken_line_is_shown(client):
    """Beside the words about it stands the line itself."""
    file = signed(*sample.first_life(sample.pack(56))).replace(b'{"kind":"shipped"', b'{"kind" :"shipped"')
    told = text_of(sent(client, file))
    assert "Line 2" in told
    assert '{"kind" :"shipped"' in told


def test_too_large_a_file_is_refused(client):
    """One just too large by the rule for reports, one far too large at the door; both in words."""
    told = text_of(sent(client, signed(RECYCLED) + b" " * MAX_FILE_BYTES))
    assert "report.too_large" in told
    far = sent(client, b"x" * (MAX_FILE_BYTES + 300_000))
    assert far.status_code == 413
    assert "The request is larger than this address takes." in far.text


@pytest.mark.parametrize("body", [b"", b"--x\r\nnonsense", b"--x\r\n\r\n\r\n--x--"])
def test_forms_that_are_none(client, body):
    """A body that is no form is answered in words, whatever it is."""
    headers = BROWSER | {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/report", content=body, headers=headers).status_code in {200, 400}
    assert client.post("/report", content=body, headers=BROWSER).status_code in {400, 415}
    text = client.post("/report", data={"file": "no file"}, files={"other": b"1"}, headers=BROWSER)
    assert "report.none" in text_of(text)


def test_a_long_report_is_shown_in_part(client):
    """A page shows what must be looked at first; the receipt names every line."""
    lines = [
        sample.line(
            "measured", f"2026-05-02T10:{minute // 60:02}:{minute % 60:02}+08:00", code=PACK, cycles=1
        )
        for minute in range(600)
    ]
    page = sent(client, signed(*lines, RECYCLED, key=sample.signer(sample.CARMAKER)))
    assert page.text.count('<li class="') == 500
    assert "Refused Line 601" in text_of(page)
    assert "and 101 more" in text_of(page)
    assert len(json.loads(link_of(page, "receipt.json"))["accepted"]) == 600
