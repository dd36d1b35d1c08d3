"""Taking tables away over HTTP: whole, read at one moment, bounded, and gone when the reader is."""

# ruff: noqa: F811 - fixtures of another module are imported

import csv
import io
import json
import re
import socket
import time

import httpx
import openpyxl
import pyarrow.parquet as pq
import pytest

from tests.api.conftest import running
from tests.api.test_work import CHOSEN, KEPT, MODELS, SENT, app, browser, program, registry  # noqa: F401
from tests.browser.serving import free_port
from tests.registry import sample
from voltrail.api import take_away
from voltrail.errors import RegistryError
from voltrail.events.epcis import lines_of_document
from voltrail.ledger.keys import encode64
from voltrail.ledger.notes import Checkpoint, open_note
from voltrail.registry import snapshot as snapshots
from voltrail.web.sheets import MEDIA_TYPES

DAYS = "from=2026-01-01&until=2028-12-31"
MINE = [
    "/workspace/batteries",
    "/workspace/incoming",
    "/workspace/reports",
    f"/workspace/events?{DAYS}",
    "/recalls/mine",
    "/grants/given",
    "/grants/received",
    "/grants/uses",
    "/followed",
]
PUBLIC = [
    f"/b/{KEPT[0]}/history",
    f"/b/{KEPT[0]}/family",
    "/batteries",
    "/batteries?model=S-102",
    "/search?q=9ZZ",
    "/models",
    "/organisations",
    "/recalls",
]
AUTHORITYS = ["/authority/findings", "/applications"]
ADMINISTRATORS = ["/accounts", "/accounts/trail"]


def at(path, ending):
    """Return the address of a list's file."""
    path, mark, query = path.partition("?")
    return f"{path}.{ending}{mark}{query}"


def table(answer):
    """Return the heading and the rows of any file, as a program of others reads it; texts as texts."""
    assert answer.status_code == 200, answer.text
    ending = re.search(r'filename="[A-Za-z0-9._-]+\.(\w+)"', answer.headers["content-disposition"])[1]
    if ending == "csv":
        heading, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
        assert {row[-1] for row in rows} <= {""}
        return heading[:-1], [row[:-1] for row in rows]
    if ending == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets[0]
        heading, *rows = [[cell.value for cell in row] for row in sheet.rows]
        return heading, rows
    read = pq.read_table(io.BytesIO(answer.content))
    return read.column_names, [list(row.values()) for row in read.to_pylist()]


@pytest.fixture
def fetch(program, registry):
    """Return a function that takes a list away; the record is sealed, so that pages and files agree."""

    def fetched(login, path, ending="csv"):
        return program(login).get(at(path, ending))

    return fetched


@pytest.mark.parametrize("path", [*MINE, *PUBLIC])
def test_the_three_files_of_a_list_have_the_same_rows(fetch, path):
    """CSV, workbook and Parquet: as many rows and columns each; what is a text is the same in all."""
    tables = {ending: table(fetch("maker", path, ending)) for ending in MEDIA_TYPES}
    assert len({len(heading) for heading, _ in tables.values()}) == 1
    assert len({len(rows) for _, rows in tables.values()}) == 1
    for heading, rows in tables.values():
        assert {len(row) for row in rows} <= {len(heading)}
    firsts = [[str(row[0]) for row in rows] for _, rows in tables.values()]
    assert firsts[0] == firsts[1] or "history" in path or "search" in path
    if path.startswith("/workspace/batteries"):
        assert firsts[0] == firsts[2] == [*SENT, *KEPT]
        assert (
            {row[2] for row in tables["parquet"][1]} == {row[2] for row in tables["xlsx"][1]} == set(MODELS)
        )


def test_every_file_stands_on_a_checkpoint_of_the_log(fetch, registry):
    """Size and root are those of the log; the note in it opens by the log's key and is published."""
    data = fetch("maker", "/workspace/batteries", "parquet").content
    told = {k.decode(): v.decode() for k, v in pq.read_metadata(io.BytesIO(data)).metadata.items()}
    note = Checkpoint.parse(open_note(told["voltrail.checkpoint"], [registry.keys.log.verifier]).text)
    assert (str(note.size), encode64(note.root)) == (told["voltrail.size"], told["voltrail.root"])
    assert registry.log.root(note.size) == note.root
    assert (told["voltrail.stands"], told["voltrail.reader"]) == ("exactly", sample.MAKER)
    heading = fetch("maker", "/workspace/batteries").content.decode("utf-8-sig").splitlines()[0]
    assert told["voltrail.root"] in heading
    book = openpyxl.load_workbook(io.BytesIO(fetch("maker", "/workspace/batteries", "xlsx").content))
    assert (
        dict([cell.value for cell in row] for row in book.worksheets[1].rows)["Root hash"]
        == told["voltrail.root"]
    )
    name = fetch(None, "/models", "csv").headers["content-disposition"]
    assert re.search(rf'filename="models-\d{{8}}T\d{{6}}Z-{note.size}\.csv"', name)


def test_a_file_is_of_one_moment_whatever_is_reported_meanwhile(registry):
    """What is reported while a file is read is not in it, and it stands on the log as it was before."""
    snapshot = registry.snapshot()
    with snapshot:
        size = snapshot.standing.size
        before = snapshot.count("select from subject where id like %(p)s", {"p": "battery:%"}, 1_000)
        made = sample.line("manufactured", "2026-06-01T10:00:00+08:00", code=sample.pack(777))
        registry.report(sample.report(sample.signer(sample.MAKER), [made]))
        assert snapshot.count("select from subject where id like %(p)s", {"p": "battery:%"}, 1_000) == before
    with registry.snapshot() as later:
        assert later.standing.size == size + 1
        assert later.count("select from subject where id like %(p)s", {"p": "battery:%"}, 1_000) == before + 1


def test_a_snapshot_waits_until_it_is_published(registry, monkeypatch):
    """What is committed and not yet anchored is promised to nobody, so no file stands on it."""
    monkeypatch.setattr(snapshots, "_ANCHORED_WITHIN_S", 0.05)

    class Behind:
        def read(self):
            note, checkpoint = registry.anchor.read()
            return note, Checkpoint(checkpoint.origin, checkpoint.size - 1, checkpoint.root)

    with pytest.raises(RegistryError, match="not published"):
        snapshots.Snapshot(registry.database, Behind())


def test_a_snapshot_is_not_kept_for_ever(registry, monkeypatch):
    """After its time nothing further is read, so PostgreSQL can clear up again."""
    monkeypatch.setattr(snapshots, "MOST_S", -1)
    with registry.snapshot() as snapshot, pytest.raises(RegistryError, match="for an hour"):
        list(snapshot.rows("select 1"))


def test_events_are_those_of_the_days_and_of_ones_own(fetch):
    """All that the maker reported, with their members; nothing of others; a day without reports is empty."""
    heading, rows = table(fetch("maker", f"/workspace/events?{DAYS}", "parquet"))
    told = [dict(zip(heading, row, strict=True)) for row in rows]
    assert {one["code"] for one in told} >= {*SENT, *KEPT}
    assert {one["reporter"] for one in told} == {sample.MAKER}
    shipped = [one for one in told if one["kind"] == "shipped"]
    assert {one["to"] for one in shipped} == {sample.RECYCLER}
    assert [one["index"] for one in told] == sorted(one["index"] for one in told)
    assert table(fetch("carmaker", f"/workspace/events?{DAYS}"))[1] == []
    assert table(fetch("maker", "/workspace/events?from=2026-01-01&until=2026-01-01"))[1] == []


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("from=yesterday&until=2026-05-01", "usage.day"),
        ("from=2026-05-02&until=2026-05-01", "usage.days"),
        ("from=2000-01-01&until=2026-05-01", "usage.days"),
        ("from=2026-05-01", "request.invalid"),
        ("", "request.invalid"),
    ],
)
def test_days_that_are_none_are_refused_with_words(fetch, query, rule):
    """Before anything is read."""
    answer = fetch("maker", f"/workspace/events?{query}")
    assert (answer.status_code, answer.json()["error"]["rule"]) == (400, rule)


def test_a_report_is_taken_away_line_by_line(fetch, program):
    """Each line with what became of it: those taken with their entry, the refused one with rule and fix."""
    [digest] = [
        one["report"]
        for one in program("maker").get("/workspace/reports").json()["reports"]
        if one["lines"] > 100
    ]
    heading, rows = table(fetch("maker", f"/workspace/reports/{digest}/lines", "parquet"))
    told = [dict(zip(heading, row, strict=True)) for row in rows]
    assert [one["number"] for one in told] == list(range(1, 153))
    [refused] = [one for one in told if one["outcome"] == "refused"]
    assert refused["rules"] == ["time.future"]
    assert refused["fixes"]
    assert refused["index"] is None
    taken = [one for one in told if one["outcome"] in {"taken", "found"}]
    assert len({one["index"] for one in taken}) == 151
    assert json.loads(taken[0]["text"])["code"] == taken[0]["code"]
    assert fetch("carmaker", f"/workspace/reports/{digest}/lines").status_code == 404


def test_a_history_has_the_members_that_its_reader_may_see(fetch):
    """The public has no column of what it may not see, and is told so; who reported it has."""
    heading, rows = table(fetch(None, f"/b/{SENT[0]}/history", "parquet"))
    public = [dict(zip(heading, row, strict=True)) for row in rows]
    assert [one["kind"] for one in public][:2] == ["manufactured", "shipped"]
    assert public[1]["to"] is None
    assert {"to", "reporter"} <= set(public[1]["withheld"])
    heading, rows = table(fetch("maker", f"/b/{SENT[0]}/history", "parquet"))
    assert dict(zip(heading, rows[1], strict=True))["to"] == sample.RECYCLER
    assert fetch(None, f"/b/{sample.pack(998)}/history").status_code == 404
    assert fetch(None, "/b/x/family").status_code == 400


def test_the_public_list_has_no_places(fetch):
    """Neither as a column nor as a filter; the authority has both."""
    assert "place" not in table(fetch(None, "/batteries", "parquet"))[0]
    assert fetch(None, "/batteries?place=in_stock").status_code == 403
    heading, rows = table(fetch("ministry", "/batteries?place=in_transit", "parquet"))
    assert {dict(zip(heading, row, strict=True))["place"] for row in rows} == {"in_transit"}


@pytest.mark.parametrize("path", [*MINE, *AUTHORITYS, *ADMINISTRATORS])
def test_what_needs_a_sign_in_is_given_to_nobody_else(fetch, path):
    """401 for who is nobody; 403 for who is not an authority, or no administrator."""
    assert fetch(None, path).status_code == 401
    if path in AUTHORITYS:
        assert fetch("maker", path).status_code == 403
        assert fetch("ministry", path).status_code == 200
    if path in ADMINISTRATORS:
        assert fetch("maker", path).status_code == 403


def test_more_rows_than_a_sheet_has_are_told_before(fetch, monkeypatch):
    """With 400 and what to do, and CSV is given."""
    monkeypatch.setattr(take_away, "MAX_SHEET_ROWS", 90)
    answer = fetch("maker", "/workspace/batteries", "xlsx")
    assert (answer.status_code, answer.json()["error"]["rule"]) == (400, "usage.sheet")
    assert fetch("maker", "/workspace/batteries", "csv").status_code == 200
    monkeypatch.setattr(take_away, "MAX_SHEET_ROWS", 92)  # for ninety-one and the heading
    assert fetch("maker", "/workspace/batteries", "xlsx").status_code == 200


def test_so_many_files_at_a_time_and_no_more(app, fetch):
    """A third is refused with 429 and when to ask again; another organisation is not kept waiting."""
    gate = app.state.exports
    with gate.enter(sample.MAKER), gate.enter(sample.MAKER):
        answer = fetch("maker", "/workspace/batteries")
        assert (answer.status_code, answer.json()["error"]["rule"]) == (429, "export.many")
        assert answer.headers["retry-after"] == "30"
        assert fetch("carmaker", "/workspace/batteries").status_code == 200
    assert fetch("maker", "/workspace/batteries").status_code == 200
    assert gate._inside.total() == 0


def test_when_the_reader_goes_away_nothing_further_is_read(app, registry, monkeypatch):
    """Its place is free again, and its connection to the database is closed, without the file being made."""
    read = []

    def endless(self, query, values=None):
        while True:
            read.append(1)
            yield [(f"battery:{number:024}", "in_stock", "original", "x" * 200, 1) for number in range(2_000)]

    monkeypatch.setattr(snapshots.Snapshot, "rows", endless)
    port = free_port()
    with running(app, port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /batteries.csv HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert connection.recv(4_096).startswith(b"HTTP/1.1 200")
            assert app.state.exports._inside.total() == 1
        until = time.monotonic() + 30
        while app.state.exports._inside.total() and time.monotonic() < until:
            time.sleep(0.05)
        assert app.state.exports._inside.total() == 0
        number = len(read)
        time.sleep(0.5)
        assert len(read) == number


def test_what_breaks_on_the_way_is_no_whole_file(app, monkeypatch):
    """The answer is cut off, which every client sees, and the place is free again."""

    def broken(self, query, values=None):
        yield [(f"battery:{1:024}", "in_stock", "original", "M", 1)]
        raise RegistryError("export.too_long", "too long", "")

    monkeypatch.setattr(snapshots.Snapshot, "rows", broken)
    port = free_port()
    with running(app, port), pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://127.0.0.1:{port}/batteries.csv")
    assert app.state.exports._inside.total() == 0


def test_events_are_taken_away_as_epcis(fetch, registry):
    """A document that our own reading takes, under the checkpoint it stands on; back as they were sent."""
    own = fetch("maker", f"/workspace/events?{DAYS}", "jsonld")
    assert own.headers["content-type"] == "application/ld+json"
    told = own.json()
    assert told["type"] == "EPCISDocument"
    said = told["voltrail:checkpoint"]
    assert (said["voltrail:origin"], said["voltrail:root"]) == (
        registry.origin,
        encode64(registry.log.root(said["voltrail:size"])),
    )
    _, rows = table(fetch("maker", f"/workspace/events?{DAYS}", "parquet"))
    assert len(told["epcisBody"]["eventList"]) == len(rows)
    back = {row.line for row in lines_of_document(own.content, sample.MAKER)}
    query = "select line from event where kind in ('shipped', 'manufactured', 'retired')"
    with registry.database.pool.connection() as connection:
        assert {bytes(line) for (line,) in connection.execute(query)} <= back


def test_epcis_withholds_what_its_reader_may_not_see(fetch):
    """The public is not told to whom a battery was shipped, nor by whom; lists without events have none."""
    public = fetch(None, f"/b/{SENT[0]}/history", "jsonld").text
    assert sample.RECYCLER not in public
    assert sample.MAKER not in public
    assert sample.RECYCLER in fetch("maker", f"/b/{SENT[0]}/history", "jsonld").text
    assert fetch("maker", "/workspace/batteries", "jsonld").status_code == 404
