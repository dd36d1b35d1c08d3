"""A spreadsheet's way into the record over HTTP: nothing wrong passes, nothing right is lost or twice."""

import csv
import io
import json
import re
import time
from datetime import UTC, datetime

import openpyxl
import psutil
import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

import voltrail
from tests.api.conftest import HTML
from tests.registry import sample
from voltrail.accounts import passwords
from voltrail.accounts.trail import Actor
from voltrail.api import create_app
from voltrail.events.epcis import EventInLog, StandsOn, write_document
from voltrail.ledger.receipts import verify_receipt
from voltrail.registry.settings import initialise

CHOSEN = "four words nobody guesses"
HEADS = ["Event", "Occurred at", "Battery code", "Mass (kg)", "Site"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A maker without a key of its own, and a car maker with one that does not let the host sign."""
    data = tmp_path_factory.mktemp("files") / "data"
    initialise(data, sample.ORIGIN, [sample.authority().vkey])
    with voltrail.open(data) as registry:
        lines = [one for name, role in sample.ROLES.items() for one in sample.registrations(name, role)]
        lines = [one for one in lines if b"key_added" not in one or sample.MAKER.encode() not in one]
        lines += (data / "host-trust.jsonl").read_bytes().splitlines()
        assert not json.loads(registry.report(sample.report(sample.authority(), lines)))["refused"]
        registry.enter_heads()
        yield registry


@pytest.fixture(scope="module")
def app(registry):
    """The application, with an account for each."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", quick)
        patched.setattr(passwords, "_nobody", quick.hash("nobody"))
        app = create_app(registry)
        for login, organisation in (("maker", sample.MAKER), ("carmaker", sample.CARMAKER)):
            accounts = app.state.accounts
            once = accounts.add(login, organisation, "member", Actor())
            person = accounts.by_session(accounts.sign_in(login, once, "setup"))
            accounts.change_password(person, once, CHOSEN, "setup")
        app.state.files.start()
        yield app
        app.state.files.close()


class Clerk:
    """Who is signed in, and sends files."""

    def __init__(self, app, login):
        self.client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        self.client.follow_redirects = False
        self.client.headers.update({"Accept-Language": "en"})
        self.client.cookies.set("session", app.state.accounts.sign_in(login, CHOSEN, "test"))
        self.csrf = re.search(r'name="csrf" value="([^"]*)"', self.page("/workspace/files").text)[1]

    def page(self, path, **options):
        return self.client.get(path, headers=HTML, **options)

    def told(self, path):
        return self.client.get(path, headers={"Accept": "application/json"}).json()

    def post(self, path, **fields):
        return self.client.post(path, data={"csrf": self.csrf, **fields}, headers=HTML)

    def send(self, name, content):
        """Send a file from the page; return the address of its page."""
        answer = self.client.post(
            "/workspace/files", data={"csrf": self.csrf}, files={"file": (name, content)}, headers=HTML
        )
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def wait(self, path, *states):
        """Wait until a file has come to one of some states; return it."""
        while (told := self.told(path))["state"] in {"opening", "checking", "recording"}:
            time.sleep(0.02)
        assert told["state"] in states, told
        return told


@pytest.fixture
def maker(app):
    """A clerk of the maker, for whom the host signs."""
    return Clerk(app, "maker")


def made(serial, **cells):
    """Return the cells of a row."""
    row = {
        "Event": "manufactured",
        "Occurred at": "2026-04-12 10:00",
        "Battery code": sample.pack(serial),
        "Mass (kg)": "612.5",
        "Site": "plant-1",
    }
    return [(row | {name.replace("_", " "): value for name, value in cells.items()})[head] for head in HEADS]


def as_csv(rows, heads=HEADS):
    target = io.StringIO()
    csv.writer(target).writerows([heads, *rows])
    return target.getvalue().encode()


def test_a_file_goes_the_whole_way(maker, registry):
    """Sent, checked, a wrong cell mended in place, put on record, receipts given: each row once."""
    rows = [made(1), made(2), [*made(3)[:2], "9ZZ-WRONG", *made(3)[3:]]]
    path = maker.send("april.csv", as_csv(rows))
    told = maker.wait(path, "checked")
    assert (told["rows"], told["ready"], told["refused"]) == (3, 2, 1)
    (refused,) = maker.told(path + "/refused")["rows"]
    assert refused["row"] == 4
    assert refused["troubles"][0]["column"] == 2
    page = maker.page(path).text
    assert "2 right, 1 to be mended" in page
    assert 'name="cell.4.2" value="9ZZ-WRONG"' in page
    before = registry.counts()["entries"]
    answer = maker.post(path + "/mend", **{"cell.4.2": sample.pack(3)})
    assert answer.headers["location"].endswith("?mended=1&still=0")
    assert "All right: 3 rows" in maker.page(path).text
    assert registry.counts()["entries"] == before
    assert maker.post(path + "/record").status_code == 303
    told = maker.wait(path, "recorded")
    assert (told["taken"], told["ready"], told["refused"]) == (3, 0, 0)
    receipts = maker.client.get(path + "/receipts.jsonl").content.splitlines()
    assert sum(len(verify_receipt(one, registry.keys.log.verifier).accepted) for one in receipts) == 3
    assert registry.battery(sample.pack(3))["events"] == 1
    assert maker.page("/workspace/reports/" + told["reports"][0]["report"]).status_code == 200


# ---------------------------------------------------------------------- sending


def token(app, *scopes):
    """Return the header of an API token of the maker's clerk."""
    accounts = app.state.accounts
    person = accounts.by_session(accounts.sign_in("maker", CHOSEN, "test"))
    return {"Authorization": f"Bearer {accounts.make_token(person, 'x', scopes, 1, 'test')}"}


def left_on_disk(registry):
    """Return what lies in the folder of files."""
    folder = registry.data / "files"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


@pytest.mark.parametrize("size", [300 << 20, 1 << 30])
def test_too_large_a_file_is_refused_before_it_comes(maker, registry, size):
    """A gigabyte is refused by its announced length, with the bound named; nothing of it is read or left."""
    before = left_on_disk(registry)

    def body():
        raise AssertionError("Nothing of it was to be read.")
        yield b""

    headers = {"Content-Type": "text/csv", "Content-Length": str(size), "X-CSRF-Token": maker.csrf}
    answer = maker.client.post("/workspace/files", content=body(), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"]["rule"] == "file.too_large"
    assert "256 MiB" in answer.json()["error"]["message"]
    assert left_on_disk(registry) == before


def test_a_file_that_turns_out_too_large_leaves_nothing(maker, registry, monkeypatch):
    """A workbook by its first bytes has the bound of a workbook, whatever its name says; nothing stays."""
    monkeypatch.setattr("voltrail.intake.shelf.MAX_BOOK_BYTES", 4 << 20)
    before = left_on_disk(registry)
    content = b"PK\x03\x04" + bytes(5 << 20)
    answer = maker.client.post(
        "/workspace/files", data={"csrf": maker.csrf}, files={"file": ("a.csv", content)}, headers=HTML
    )
    assert answer.status_code == 413
    assert "larger than 4 MiB" in answer.text
    assert left_on_disk(registry) == before


def test_a_form_without_its_token_sends_nothing(maker, registry):
    """The token is asked for before the file is read: missing, wrong or behind the file it is refused."""
    before = left_on_disk(registry)
    content = as_csv([made(11)])
    for data in ({}, {"csrf": "0" * 64}):
        answer = maker.client.post("/workspace/files", data=data, files={"file": ("a.csv", content)})
        assert answer.status_code == 403
    behind = {"file": ("a.csv", content), "csrf": (None, maker.csrf)}
    assert maker.client.post("/workspace/files", files=behind).status_code == 403
    other_site = {"Sec-Fetch-Site": "cross-site"}
    answer = maker.client.post(
        "/workspace/files", data={"csrf": maker.csrf}, files={"file": ("a.csv", content)}, headers=other_site
    )
    assert answer.status_code == 403
    assert left_on_disk(registry) == before


def test_no_file_and_no_form_are_told(maker):
    """Nothing chosen, a form that does not read, another content type: each says what to do."""
    answer = maker.client.post(
        "/workspace/files", data={"csrf": maker.csrf}, files={"file": ("a.csv", b"")}, headers=HTML
    )
    assert answer.status_code == 400
    assert "Choose a file" in answer.text
    headers = {"Content-Type": "multipart/form-data; boundary=x", "X-CSRF-Token": maker.csrf}
    answer = maker.client.post("/workspace/files", content=b"no parts", headers=headers)
    assert answer.status_code in {400, 403}
    headers = {"Content-Type": "application/pdf", "X-CSRF-Token": maker.csrf}
    answer = maker.client.post("/workspace/files", content=b"%PDF", headers=headers)
    assert answer.status_code == 415


def test_files_are_for_the_registry_alone(maker, registry):
    """What is kept is named by its digest and readable by nobody else; another organisation finds nothing."""
    path = maker.send("mine.csv", as_csv([made(12)]))
    told = maker.wait(path, "checked")
    file = registry.data / "files" / told["sha256"]
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    rows = registry.data / "files" / f"{told['file']}.rows"
    assert rows.stat().st_mode & 0o777 == 0o600


def test_nobody_sees_or_moves_the_files_of_others(app, maker, registry):
    """By id a file is found by its own organisation alone; without the right to report by nobody."""
    path = maker.send("mine.csv", as_csv([made(13), made(13)]))
    maker.wait(path, "checked")
    other = Clerk(app, "carmaker")
    for below in (
        "",
        "/refused",
        "/refused.csv",
        "/refused.xlsx",
        "/lines.jsonl",
        "/receipts.jsonl",
        "/mapping",
    ):
        assert other.page(path + below).status_code == 404, below
        anyone = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        assert anyone.get(path + below).status_code == 401
        assert anyone.get(path + below, headers=token(app, "read")).status_code == 403
    for below in ("/mend", "/leave-out", "/record", "/remove", "/read"):
        assert other.post(path + below).status_code == 404, below
    assert maker.told(path)["state"] == "checked"
    assert other.told("/workspace/files")["files"] == []


def test_an_organisation_keeps_so_many_files(maker, monkeypatch):
    """More than are kept is refused with what to do; one that is removed makes room."""
    path = maker.send("one.csv", as_csv([made(14)]))
    maker.wait(path, "checked")
    number = len(maker.told("/workspace/files")["files"])
    monkeypatch.setattr("voltrail.intake.jobs.MAX_FILES", number)
    answer = maker.client.post(
        "/workspace/files", data={"csrf": maker.csrf}, files={"file": ("b.csv", b"a,b\n")}, headers=HTML
    )
    assert (answer.status_code, "Remove some" in answer.text) == (400, True)
    assert maker.post(path + "/remove").status_code == 303
    assert maker.page(path).status_code == 404
    maker.wait(maker.send("b.csv", as_csv([made(14)])), "checked")


# ---------------------------------------------------------------------- columns


def test_columns_are_named_once(maker):
    """Heads that nobody knows are asked for with the first rows beside them, and known the next time."""
    heads = ["Wann", "Welche", "Gewicht hier"]
    path = maker.send("fremd.csv", as_csv([["2026-04-12", sample.pack(21), "612"]], heads))
    told = maker.wait(path, "mapping")
    assert set(told["lacking"]) >= {"kind", "occurred_at"}
    page = maker.page(path).text
    assert "What do the columns hold?" in page
    assert sample.pack(21) in page
    assert 'id="job"' in page  # the part that a page of progress asks for
    named = {"column.0": "occurred_at", "column.1": "code", "offset": "+08:00"}
    answer = maker.post(path + "/read", **named, **{"column.2": "mass_kg"})
    assert (answer.status_code, "kind" in answer.text) == (400, True)
    twice = maker.post(path + "/read", kind="manufactured", **named, **{"column.2": "code"})
    assert twice.status_code >= 400
    answer = maker.post(path + "/read", kind="manufactured", **named, **{"column.2": "mass_kg"})
    assert answer.status_code == 303
    told = maker.wait(path, "checked")
    assert (told["ready"], told["mapping"]["kind"]) == (1, "manufactured")
    again = maker.send("fremd-2.csv", as_csv([["2026-04-12", sample.pack(22), "612"]], heads))
    assert maker.wait(again, "checked")["ready"] == 1
    assert maker.post(
        again + "/read", kind="enrolled", **named, **{"constant.basis": "label"}
    ).status_code in {303, 400}


def test_what_is_lacking_can_be_the_same_for_all_rows(maker):
    """A member that no column has is given once for all rows."""
    path = maker.send("no-time.csv", as_csv([["manufactured", sample.pack(23)]], ["Event", "Battery code"]))
    maker.wait(path, "mapping")
    maker.post(
        path + "/read", **{"column.0": "kind", "column.1": "code", "constant.occurred_at": "2026-04-12 08:00"}
    )
    assert maker.wait(path, "checked")["ready"] == 1
    line = json.loads(maker.client.get(path + "/lines.jsonl").text)
    assert line["occurred_at"] == "2026-04-12T08:00:00+08:00"


def test_a_workbook_with_several_sheets(maker):
    """Another sheet is chosen on the page of columns, and read anew."""
    book = openpyxl.Workbook()
    book.active.title = "April"
    for row in ([*HEADS, "Farbe"], [*made(24), "rot"]):
        book.active.append(row)
    second = book.create_sheet("Mai")
    for row in (HEADS, made(25), made(26)):
        second.append(row)
    content = io.BytesIO()
    book.save(content)
    path = maker.send("two.xlsx", content.getvalue())
    maker.wait(path, "mapping")
    assert '<option value="Mai">Mai</option>' in maker.page(path).text
    maker.post(path + "/read", sheet="Mai")
    assert maker.wait(path, "checked")["ready"] == 2


def test_templates_are_those_of_the_roles(app, maker):
    """Each kind that the organisation's roles report, in two languages and forms; filled in it is read."""
    kinds = maker.told("/workspace/files/templates")["kinds"]
    assert "manufactured" in kinds
    assert "swapped" not in kinds
    assert "key_added" not in kinds
    page = maker.page("/workspace/files/templates").text
    for form in ("csv", "xlsx"):
        for language in ("zh", "en"):
            address = f"/workspace/files/template?kind=manufactured&language={language}&form={form}"
            assert address.replace("&", "&amp;") in page
            answer = maker.client.get(address)
            assert answer.status_code == 200
            assert answer.headers["content-disposition"].startswith("attachment")
    assert maker.client.get("/workspace/files/template?kind=nothing").status_code == 400


# ---------------------------------------------------------------------- mending


def test_refused_rows_go_out_and_come_back(maker, registry):
    """As CSV and as a workbook, each says what is wrong; mended there and sent again, they are right."""
    rows = [made(31), made(32, Occurred_at="2026-02-30"), made(33, Battery_code="=1+1")]
    path = maker.send("out.csv", as_csv(rows))
    maker.wait(path, "checked")
    found = list(csv.reader(io.StringIO(maker.client.get(path + "/refused.csv").content.decode("utf-8-sig"))))
    assert found[0] == [*HEADS, "What is wrong"]
    assert "Occurred at: " in found[1][-1]
    assert not any(cell.startswith("=") for row in found for cell in row)
    book = openpyxl.load_workbook(io.BytesIO(maker.client.get(path + "/refused.xlsx").content))
    sheet = book.active
    assert [cell.value for cell in sheet[1]] == [*HEADS, "What is wrong"]
    assert all(cell.data_type != "f" for row in sheet for cell in row)
    sheet["B2"], sheet["C3"] = "2026-04-12 11:00", sample.pack(33)
    content = io.BytesIO()
    book.save(content)
    told = maker.wait(maker.send("mended.xlsx", content.getvalue()), "checked")
    assert (told["ready"], told["refused"]) == (2, 0)


def test_rows_are_left_out(maker):
    """One, all of a rule, or all: they are counted, and are not put on record."""
    rows = [
        made(41),
        made(42, Occurred_at="x"),
        made(43, Occurred_at="y"),
        made(44, Mass__kg_="heavy"),
        made(45),
    ]
    rows[3][3] = "heavy"
    path = maker.send("left.csv", as_csv(rows))
    told = maker.wait(path, "checked")
    assert told["refused"] == 3
    maker.post(path + "/leave-out", row="3")
    rules = maker.told(path)["rules"]
    assert sum(rules.values()) == 2
    maker.post(path + "/leave-out", all="1", rule=next(iter(rules)))
    maker.post(path + "/leave-out", all="1")
    told = maker.told(path)
    assert (told["refused"], told["left_out"], told["ready"]) == (0, 3, 2)


def test_what_the_record_refuses_is_mended_the_same_way(maker, registry):
    """A row in the future is refused by the record, shown with its cells, mended, and taken."""
    rows = [made(51), made(52, Occurred_at="2096-04-12 10:00"), made(53)]
    path = maker.send("future.csv", as_csv(rows))
    assert maker.wait(path, "checked")["ready"] == 3
    maker.post(path + "/record")
    told = maker.wait(path, "recorded")
    assert (told["taken"], told["refused"]) == (2, 1)
    (row,) = maker.told(path + "/refused")["rows"]
    assert (row["row"], row["cells"][1]) == (3, "2096-04-12 10:00")
    assert "2 on record, 1 to be mended" in maker.page(path).text
    maker.post(path + "/mend", **{"cell.3.1": "2026-04-12 10:00"})
    maker.post(path + "/record")
    told = maker.wait(path, "recorded")
    assert (told["taken"], told["refused"], len(told["reports"])) == (3, 0, 2)


def test_mending_changes_what_was_sent_and_nothing_else(maker):
    """A cell that is not among the refused rows, unchanged cells and strange names do nothing."""
    path = maker.send("strange.csv", as_csv([made(61), made(62, Occurred_at="x")]))
    maker.wait(path, "checked")
    for cells in (
        {},
        {"cell.3.1": "x"},
        {"cell.2.2": sample.pack(63)},
        {"cell.3.999": "y"},
        {"cell.-1.0": "a", "cell.99999999999999999999.0": "b", "cell.3": "c"},
    ):
        assert maker.post(path + "/mend", **cells).status_code == 400, cells
    told = maker.told(path)
    assert (told["ready"], told["refused"]) == (1, 1)
    maker.post(path + "/mend", **{f"cell.3.{column}": "" for column in range(len(HEADS))})
    assert maker.told(path)["rules"] == {"row.empty": 1}
    hostile = '<img src=x onerror=alert(1)>"\0'
    maker.post(path + "/mend", **{"cell.3.1": hostile})
    assert "<img src=x" not in maker.page(path).text


def test_findings_are_shown(maker):
    """A row that is taken with a finding stands under its number, with the finding in words."""
    shipped = ["shipped", "2026-04-13 10:00", sample.pack(64), sample.CARMAKER]
    path = maker.send("gap.csv", as_csv([shipped], ["Event", "Occurred at", "Battery code", "To"]))
    maker.wait(path, "checked")
    maker.post(path + "/record")
    told = maker.wait(path, "recorded")
    assert (told["taken"], told["found"]) == (1, 1)
    page = maker.page(path + "?show=found").text
    assert f'href="/b/{sample.pack(64)}"' in page or "Row 2" in page


# ---------------------------------------------------------------------- twice, and with keys


def test_the_same_file_twice(maker, registry):
    """It is told when it was sent before; its rows are known, and nothing is there twice."""
    content = as_csv([made(71), made(72)])
    first = maker.send("same.csv", content)
    maker.wait(first, "checked")
    maker.post(first + "/record")
    assert maker.wait(first, "recorded")["taken"] == 2
    entries = registry.counts()["entries"]
    second = maker.send("same.csv", content)
    maker.wait(second, "checked")
    assert "You sent this very file on" in maker.page(second).text
    maker.post(second + "/record")
    told = maker.wait(second, "recorded")
    assert (told["taken"], told["known"]) == (0, 2)
    assert registry.counts()["entries"] == entries
    assert maker.post(second + "/record").status_code == 409
    maker.post(first + "/remove")
    assert maker.told(first)["state"] == "removed"
    assert maker.client.get(first + "/receipts.jsonl").content.count(b"\n") == 1


def test_who_has_a_key_takes_the_lines(app, registry):
    """Where the host may not sign, the lines come as a file, and the page and the answer say so."""
    clerk = Clerk(app, "carmaker")
    row = ["received", "2026-04-20 10:00", sample.pack(1), sample.MAKER]
    path = clerk.send("in.csv", as_csv([row], ["Event", "Occurred at", "Battery code", "From"]))
    clerk.wait(path, "checked")
    page = clerk.page(path).text
    assert "reports with its own key" in page
    assert "Put 1 row" not in page
    answer = clerk.client.post(path + "/record", headers={"X-CSRF-Token": clerk.csrf})
    assert (answer.status_code, answer.json()["error"]["rule"]) == (403, "access.host_key")
    lines = clerk.client.get(path + "/lines.jsonl").content.splitlines()
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.CARMAKER), lines)))
    assert receipt["accepted"] == [0]


# ---------------------------------------------------------------------- programs


def test_a_program_goes_the_whole_way(app):
    """With a token: the raw body, the state, the refused rows, the record; and JSON lines the same way."""
    client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    client.headers.update(token(app, "report"))
    content = as_csv([[sample.pack(81), "2026-04-12 10:00"], ["no code", "2026-04-12"]], ["A", "B"])
    asked = {
        "kind": "manufactured",
        "columns": "code,occurred_at",
        "constant": ["mass_kg=612", "site=plant-1"],
    }
    told = client.post(
        "/workspace/files", params=asked, content=content, headers={"Content-Type": "text/csv"}
    ).json()
    path = f"/workspace/files/{told['file']}"
    while (told := client.get(path).json())["state"] != "checked":
        assert told["state"] in {"opening", "checking"}, told
        time.sleep(0.02)
    assert (told["ready"], told["refused"]) == (1, 1)
    assert client.get(path + "/refused").json()["rows"][0]["troubles"][0]["rule"]
    assert client.post(path + "/record").status_code == 200
    while (told := client.get(path).json())["state"] != "recorded":
        time.sleep(0.02)
    assert told["taken"] == 1
    line = sample.line("manufactured", "2026-04-12T10:00:00+08:00", code=sample.pack(82))
    content = (
        b"\xef\xbb\xbf" + line + b'\r\n\r\n{"kind":\r\n' + b"x" * 70_000 + b"\n" + line.replace(b"82", b"82")
    )
    told = client.post(
        "/workspace/files", content=content, headers={"Content-Type": "application/jsonl"}
    ).json()
    path = f"/workspace/files/{told['file']}"
    while (told := client.get(path).json())["state"] != "checked":
        assert told["state"] in {"opening", "checking"}, told
        time.sleep(0.02)
    assert (told["ready"], told["refused"]) == (2, 2)
    rows = client.get(path + "/refused").json()["rows"]
    assert [row["row"] for row in rows] == [3]  # the other is too long to be mended, and only counted
    assert client.get(path + "/refused.jsonl").status_code == 200


def test_a_small_spreadsheet_at_reports(app, registry):
    """CSV and a workbook are taken at once; what is wrong is named by row; mode=all takes nothing then."""
    client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    client.headers.update(token(app, "report"))
    content = as_csv([made(91), made(92, Occurred_at="never")])
    entries = registry.counts()["entries"]
    answer = client.post("/reports?mode=all", content=content, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["error"]["line"]) == (422, 3)
    late = as_csv([made(91), made(92, Occurred_at="2096-04-12 10:00")])
    answer = client.post("/reports?mode=all", content=late, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["error"]["line"]) == (422, 3)
    assert registry.counts()["entries"] == entries
    told = client.post("/reports", content=content, headers={"Content-Type": "text/csv"}).json()
    assert told["receipt"]["accepted"] == [0]
    assert (told["rows"], [row["row"] for row in told["refused"]]) == ([2], [3])
    book = openpyxl.Workbook()
    for row in (HEADS, made(93)):
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    told = client.post("/reports", content=target.getvalue(), headers={"Content-Type": XLSX}).json()
    assert told["receipt"]["accepted"] == [0]
    assert client.post("/reports", content=b"PK\x03\x04xx", headers={"Content-Type": XLSX}).status_code == 422
    anyone = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    assert anyone.post("/reports", content=content, headers={"Content-Type": "text/csv"}).status_code == 401


# ---------------------------------------------------------------------- much


def test_many_refused_rows_stay_bounded(maker, monkeypatch):
    """Beyond what is kept refused rows are counted, the page says so, and a page holds twenty."""
    monkeypatch.setattr("voltrail.intake.worker.MAX_ROWS", 50)
    path = maker.send("many.csv", as_csv([made(serial, Occurred_at="x") for serial in range(100, 200)]))
    told = maker.wait(path, "checked")
    assert (told["rows"], told["refused"], sum(told["rules"].values())) == (100, 100, 50)
    page = maker.page(path).text
    assert "not shown here: 50" in page
    assert page.count('class="refused"') == 20
    following = re.search(r'rel="next" href="([^"]+)"', page)[1]
    assert 'id="row-22"' in maker.page(following).text


def test_what_was_not_touched_for_long_goes(maker, registry, app):
    """After thirty days the file and its rows are removed; what was put on record of it is still listed."""
    path = maker.send("old.csv", as_csv([made(301), made(302, Occurred_at="x")]))
    maker.wait(path, "checked")
    maker.post(path + "/record")
    told = maker.wait(path, "recorded")
    with registry.database.pool.connection() as connection:
        connection.execute(
            "update intake set moved_at = now() - interval '31 days' where id = %s", (told["file"],)
        )
    app.state.files._swept = 0.0
    app.state.files.step()
    assert maker.told(path)["state"] == "removed"
    assert told["sha256"] not in left_on_disk(registry)
    assert maker.page(path).status_code == 200
    assert len(maker.told(path)["reports"]) == 1


def test_files_that_cannot_be_read_say_why(maker):
    """No table, a broken workbook, an empty file: each says what to do, and nothing is recorded."""
    for name, content in (
        ("broken.xlsx", b"PK\x03\x04" + b"x" * 100),
        ("empty.csv", b"\n\n"),
        ("page.xlsx", b"<html><table>"),
        ("only-heads.csv", as_csv([])),
    ):
        path = maker.send(name, content)
        told = maker.wait(path, "failed")
        assert told["error"]["rule"]
        assert told["error"]["fix"]
        assert told["error"]["message"][:20] in maker.page(path).text.replace("&#39;", "'")


def test_each_deed_stands_in_the_trail(maker, app):
    """Who sent which file, put it on record or removed it, with its digest."""
    path = maker.send("trail.csv", as_csv([made(401)]))
    told = maker.wait(path, "checked")
    maker.post(path + "/record")
    maker.wait(path, "recorded")
    maker.post(path + "/remove")
    deeds = app.state.accounts.trail()[0]
    mine = [one.action for one in deeds if one.detail and told["sha256"] in one.detail]
    assert mine == ["file.removed", "file.recorded", "file.sent"]
    assert datetime.now(UTC) > deeds[0].at


def test_a_long_file_takes_no_more_memory(maker):
    """Six times as many rows are read and put on record in the memory that a short file took, roughly."""
    process = psutil.Process()

    def through(first, number):
        rows = [[f"2026-04-12 10:00,{sample.pack(serial)},612.5"] for serial in range(first, first + number)]
        content = "Occurred at,Battery code,Mass (kg)\n" + "\n".join(row[0] for row in rows)
        before = process.memory_info().rss
        path = maker.send(f"{number}.csv", content.encode())
        if maker.wait(path, "checked", "mapping")["state"] == "mapping":
            named = {"column.0": "occurred_at", "column.1": "code", "column.2": "mass_kg"}
            maker.post(path + "/read", kind="manufactured", **named)
        assert maker.wait(path, "checked")["ready"] == number
        maker.post(path + "/record")
        assert maker.wait(path, "recorded")["taken"] == number
        return process.memory_info().rss - before

    through(1_000_000, 5_000)
    assert through(1_010_000, 30_000) < 150 << 20


def epcis(serials, **changed):
    """Return an EPCIS document on these packs, as another system sends one: each made."""
    lines = [
        sample.line("manufactured", "2026-04-12T10:00:00+08:00", code=sample.pack(serial), mass_kg=612.5)
        for serial in serials
    ]
    events = [EventInLog(number, line, 1_776_000_000_000) for number, line in enumerate(lines)]
    stands = StandsOn("other.example/log", len(lines), "", datetime(2026, 4, 13, tzinfo=UTC))
    document = json.loads(b"".join(write_document(events, "other.example", stands, lambda *_: frozenset())))
    for event in document["epcisBody"]["eventList"]:
        for name in ("eventID", "recordTime"):
            event.pop(name, None)
    document["epcisBody"]["eventList"][-1] |= changed
    return document


def test_an_epcis_document_goes_the_same_way(maker, registry):
    """One row for each event, a wrong one mended in place, all of it on record; the document may be JSON."""
    document = epcis([9501, 9502, 9503], action="MAYBE")
    path = maker.send("from-erp.jsonld", json.dumps(document).encode())
    told = maker.wait(path, "checked")
    assert (told["form"], told["rows"], told["ready"], told["refused"]) == ("epcis", 3, 2, 1)
    [refused] = maker.told(path + "/refused")["rows"]
    assert refused["row"] == 3
    assert "action" in refused["troubles"][0]["message"]
    assert "MAYBE" in maker.page(path).text
    again = maker.client.get(path + "/refused.jsonl", headers=HTML)
    assert [one["action"] for one in again.json()["epcisBody"]["eventList"]] == ["MAYBE"]
    event = json.loads(refused["cells"][0]) | {"action": "ADD"}
    answer = maker.post(path + "/mend", **{"cell.3.0": json.dumps(event)})
    assert answer.headers["location"].endswith("?mended=1&still=0")
    maker.post(path + "/record")
    told = maker.wait(path, "recorded")
    assert (told["taken"], told["refused"]) == (3, 0)
    assert registry.battery(sample.pack(9503))["code"] == sample.pack(9503)


def test_what_is_no_epcis_is_told(maker):
    """A file that says it is, and is not, is refused as a whole with what to do; nothing of it is kept."""
    for content in (b'{"@context": []}', b"[" * 10_000, b'{"@context"', b'{"@context":1,"type":"Invoice"}'):
        path = maker.send("wrong.jsonld", content)
        told = maker.told(path)
        while told["state"] in {"opening", "checking"}:
            told = maker.told(path)
        assert told["state"] == "failed" or (told["ready"], told["refused"] > 0) == (0, True), told
