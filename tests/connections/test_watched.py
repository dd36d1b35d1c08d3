"""A folder of a production line: each file is taken once, and goes to taken/ or refused/ with the reasons."""

import csv
import json
import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from tests.client.conftest import make_token, serving, url
from tests.registry import sample
from voltrail.client import Client
from voltrail.connections import watched
from voltrail.connections.sources import Asked
from voltrail.connections.watched import Watch, _Waits
from voltrail.errors import UsageError

__all__ = ["make_token", "url"]

MADE = [sample.first_life(sample.pack(number))[0] for number in range(1, 40)]
MAKER = sample.signer(sample.MAKER)
WRONG = sample.line("manufactured", "2026-04-12T10:00:00+08:00", code="9ZZPB000000000G4C0000X01")
TABLE = "电池编码,发生时间,型号,重量（kg）\n"


@pytest.fixture(autouse=True)
def steady_at_once(monkeypatch):
    """A file is steady when it was seen twice alike: these tests write theirs at once."""
    monkeypatch.setattr(watched, "STEADY_S", 0)


@pytest.fixture
def line(tmp_path):
    """The folder of a production line."""
    folder = tmp_path / "line"
    folder.mkdir()
    return folder


@pytest.fixture
def watch(line, url):
    """Return a function that looks at the folder once, and gives what was told."""

    def looked(mode="valid", kind=None, to=url, key=MAKER, token=None):
        told = []
        with (
            Client(to, token=token, key=key, patience_s=0) as client,
            Watch(line, client, Asked(kind), mode, told.append) as watch,
        ):
            try:
                watch.step()
                watch.step()
            except _Waits:
                pass
        return told

    return looked


def drop(line, name, lines):
    content = lines if isinstance(lines, bytes) else b"".join(one + b"\n" for one in lines)
    (line / name).write_bytes(content)
    return line / name


def tree(line, below=""):
    """Return the files under a folder by their paths in it, but for the lock."""
    found = (str(one.relative_to(line)) for one in (line / below).rglob("*") if one.is_file())
    return {name for name in found if not name.startswith(".")}


def day():
    return f"taken/{datetime.now(UTC):%Y-%m-%d}"


def entries(registry):
    with registry.database.pool.connection() as connection:
        return [
            bytes(one) for (one,) in connection.execute("select line from event order by seq", binary=True)
        ]


def reasons(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_is_taken_with_its_receipt(line, watch, registry):
    """What came is reported, kept under its day beside the log's promise, and nothing else is left."""
    drop(line, "shift-1.jsonl", MADE[:3])
    [told] = watch()
    assert (told.state, told.rows, told.taken, told.to) == ("taken", 3, 3, f"{day()}/shift-1.jsonl")
    assert tree(line) == {f"{day()}/shift-1.jsonl", f"{day()}/shift-1.jsonl.receipts.jsonl"}
    [receipt] = (line / day() / "shift-1.jsonl.receipts.jsonl").read_bytes().splitlines()
    assert json.loads(receipt)["accepted"] == [0, 1, 2]
    assert entries(registry)[-3:] == MADE[:3]
    assert watch() == []


def test_the_same_name_again_never_overwrites(line, watch):
    """A second shift-1 stands beside the first, with the same receipt; so does a third."""
    for _ in range(3):
        drop(line, "shift-1.jsonl", MADE[:3])
        [told] = watch()
    assert (told.state, told.taken) == ("taken", 3)
    assert {f"{day()}/shift-1.jsonl", f"{day()}/shift-1-2.jsonl", f"{day()}/shift-1-3.jsonl"} <= tree(line)


def test_refused_lines_come_back_to_be_mended(line, watch, registry):
    """What is not taken of a file stands in refused/ with the reasons; mended, it goes in."""
    drop(line, "a.jsonl", [MADE[0], WRONG, b'{"kind": "x"}', MADE[1]])
    [told] = watch()
    assert (told.state, told.taken, told.refused) == ("partly", 2, 2)
    assert tree(line, "refused") == {"refused/a.jsonl", "refused/a.jsonl.reasons.csv"}
    assert (line / "refused/a.jsonl").read_bytes().splitlines() == [WRONG, b'{"kind": "x"}']
    assert [(one["row"], bool(one["fix"])) for one in reasons(line / "refused/a.jsonl.reasons.csv")] == [
        ("2", True),
        ("3", True),
    ]
    (line / "refused/a.jsonl").rename(line / "a.jsonl")
    (line / "a.jsonl").write_bytes(MADE[2] + b"\n" + MADE[3] + b"\n")
    [told] = watch()
    assert (told.state, told.taken) == ("taken", 2)
    assert entries(registry)[-4:] == MADE[:4]


def test_tables_are_read_and_their_cells_named(line, watch, registry):
    """A spreadsheet in Chinese goes in; a wrong cell is named by row and column, and its row comes back."""
    good, other = sample.pack(50), sample.pack(51)
    drop(
        line,
        "产线.csv",
        (TABLE + f"{good},2026-04-12 10:00,S-102,612.5\n{other},昨天,S-102,612.5\n").encode("gb18030"),
    )
    [told] = watch(kind="manufactured")
    assert (told.state, told.taken, told.refused) == ("partly", 1, 1)
    [why] = reasons(line / "refused/产线.csv.reasons.csv")
    assert (why["row"], why["column"], why["value"]) == ("3", "发生时间", "昨天")
    assert why["fix"]
    mended = (line / "refused/产线.csv").read_text("utf-8-sig")
    assert good not in mended
    drop(line, "产线.csv", mended.replace("昨天", "2026-04-12 11:00").encode())
    [told] = watch(kind="manufactured")
    assert (told.state, told.taken) == ("taken", 1)
    assert json.loads(entries(registry)[-1])["code"] == other


def test_a_workbook_is_taken(line, watch):
    """An .xlsx goes the same way; rows the registry refuses come back as CSV with the same headers."""
    from openpyxl import Workbook

    book = Workbook()
    for row in (
        ["Battery code", "Occurred at", "Model"],
        [sample.pack(60), datetime(2026, 4, 12, 10), "S-102"],  # noqa: DTZ001 - as workbooks have them
        [sample.pack(61), datetime(2026, 4, 12, 10), "S-102"],  # noqa: DTZ001
        ["1E+23", datetime(2026, 4, 13, 10), "S-103"],  # noqa: DTZ001
    ):
        book.active.append(row)
    book.save(line / "book.xlsx")
    [told] = watch(kind="manufactured")
    assert (told.state, told.taken, told.refused) == ("partly", 2, 1)
    assert "1E+23" in (line / "refused/book.csv").read_text("utf-8-sig")
    [why] = reasons(line / "refused/book.csv.reasons.csv")
    assert (why["row"], why["column"]) == ("4", "Battery code")


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("empty.jsonl", b"", "report.empty"),
        ("no.xlsx", b"PK\x03\x04 and then nothing", "table."),
        ("no.csv", b"a,b\n1,2\n", "table.lacking"),
        ("no.report", b"not a report", "report.layout"),
    ],
)
def test_a_file_that_does_not_read_is_refused_with_words(line, watch, name, content, rule):
    """Nothing of it is sent; the file and what is wrong stand side by side."""
    drop(line, name, content)
    [told] = watch()
    assert told.state == "refused"
    assert told.rule.startswith(rule)
    assert tree(line) == {f"refused/{name}", f"refused/{name}.reasons.txt"}
    assert told.rule in (line / f"refused/{name}.reasons.txt").read_text()


def test_all_or_nothing(line, watch, registry):
    """With mode all one wrong row keeps the others out, whether it is found here or by the registry."""
    before = len(entries(registry))
    for wrong in (WRONG, b'{"kind": "x"}'):
        drop(line, "a.jsonl", [MADE[0], wrong])
        [told] = watch(mode="all")
        assert (told.state, told.taken) == ("refused", 0)
        assert told.message.startswith("Row 2")
    assert len(entries(registry)) == before
    drop(line, "b.jsonl", MADE[:2])
    [told] = watch(mode="all")
    assert (told.state, told.taken) == ("taken", 2)


def test_a_signed_report_goes_as_it_is(line, watch):
    """A .report that somebody else signed is handed in; one for another log or by no known key is refused."""
    drop(line, "good.report", sample.report(sample.signer(sample.MAKER), MADE[:2]))
    drop(
        line, "other.report", sample.report(sample.signer(sample.MAKER), MADE[:2], origin="other.example/log")
    )
    drop(line, "nobody.report", sample.report(sample.signer(sample.MAKER, "line-9"), MADE[:2]))
    drop(line, "partly.report", sample.report(sample.signer(sample.MAKER), [MADE[2], WRONG]))
    told = {one.file: one for one in watch()}
    assert {name: one.state for name, one in told.items()} == {
        "good.report": "taken",
        "other.report": "refused",
        "nobody.report": "refused",
        "partly.report": "partly",
    }
    assert told["nobody.report"].rule == "report.key_unknown"
    assert (line / "refused/partly.jsonl").read_bytes() == WRONG + b"\n"


def test_a_token_reports_without_a_key(line, watch, make_token):
    """Where the host signs, lines go with the token of the line."""
    drop(line, "a.jsonl", MADE[:2])
    [told] = watch(key=None, token=make_token("report"))
    assert (told.state, told.taken) == ("taken", 2)


def test_what_is_for_people_to_set_right_waits(line, watch, registry):
    """A key that is not on record is no fault of the file: it waits, and goes once that is mended."""
    drop(line, "a.jsonl", MADE[:2])
    for _ in range(2):
        [told] = watch(key=sample.signer(sample.MAKER, "line-2"))
        assert (told.state, told.rule) == ("waiting", "report.key_unknown")
    assert tree(line, "refused") == set()
    [told] = watch()
    assert (told.state, told.taken) == ("taken", 2)


def test_a_server_that_is_down_is_waited_for_in_order(line, watch, registry):
    """Files wait in the order in which they were written; nothing is refused, and nothing is taken twice."""
    for number in range(3):
        path = drop(line, f"{9 - number}.jsonl", MADE[number : number + 1])
        os.utime(path, (time.time() - 100 + number,) * 2)
    before = len(entries(registry))
    for _ in range(3):
        [told] = watch(to="http://127.0.0.1:9", key=sample.signer(sample.MAKER))
        assert (told.state, told.file, told.rule) == ("waiting", "9.jsonl", "http.unreachable")
    assert [one.file for one in watch()] == ["9.jsonl", "8.jsonl", "7.jsonl"]
    assert entries(registry)[before:] == MADE[:3]


def test_a_server_that_answers_nonsense_is_not_believed(line, watch, registry):
    """Without a receipt of the log's own the file waits, signed, and goes in when the registry is back."""
    drop(line, "a.jsonl", MADE[:1])
    with serving(lambda handler: handler.say(200, registry.policy.encode())) as false:
        [told] = watch(to=false)
    assert told.state == "waiting"
    [told] = watch()
    assert told.state == "taken"


def test_what_is_being_written_is_let_be(line, monkeypatch):
    """A file that still changes is not taken, nor one named as a part; renamed, it is taken at once."""
    monkeypatch.setattr(watched, "STEADY_S", 3600)
    drop(line, "young.jsonl", MADE[:1])
    part = drop(line, "whole.jsonl.part", MADE[1:2])
    told = []
    with (
        Client("http://127.0.0.1:9", key=MAKER, patience_s=0) as client,
        Watch(line, client, Asked(), "valid", told.append) as watch,
    ):
        watch.step()
        part.rename(line / "whole.jsonl")
        with pytest.raises(_Waits):
            watch.step()
    assert [one.file for one in told] == ["whole.jsonl"]
    assert (line / "young.jsonl").exists()


def test_what_is_no_file_of_ours_is_left_and_told_once(line, watch, tmp_path):
    """Links, folders, pipes and other endings stay where they are: nothing behind them is read."""
    secret = drop(tmp_path, "secret.jsonl", MADE[:1])
    (line / "link.jsonl").symlink_to(secret)
    (line / "folder.jsonl").mkdir()
    os.mkfifo(line / "pipe.jsonl")
    drop(line, "notes.pdf", b"%PDF")
    drop(line, ".hidden.jsonl", MADE[:1])
    drop(line, "~$open.xlsx", b"x")
    told = watch()
    assert {(one.file, one.state) for one in told} == {
        (name, "left") for name in ("link.jsonl", "folder.jsonl", "pipe.jsonl", "notes.pdf")
    }
    assert len(told) == 4
    assert secret.exists()


def test_a_name_that_breaks_lines_of_a_log_is_shown_plain(line, watch):
    """Whoever names files cannot write lines of our log."""
    drop(line, "a\n2026 taken b\x1b[2J.jsonl", MADE[:1])
    [told] = watch()
    assert told.state == "taken"
    assert str(told).isprintable()
    drop(line, "长" * 80 + ".jsonl", MADE[:1])  # 246 bytes: no ending could be put to it
    [told] = watch()
    assert told.state == "taken"


def test_an_overlong_line_does_not_fill_the_memory(line, watch):
    """A line beyond what one may have is cut, refused and passed over; those around it are taken."""
    drop(line, "long.jsonl", MADE[0] + b"\n" + b"x" * (5 << 20) + b"\n" + MADE[1] + b"\n")
    [told] = watch()
    assert (told.state, told.taken, told.refused) == ("partly", 2, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(line, watch):
    """It is said who must give the right to read it."""
    drop(line, "a.jsonl", MADE[:1]).chmod(0)
    [told] = watch()
    assert (told.state, told.rule) == ("refused", "watch.unreadable")


def test_two_watchers_do_not_share_a_folder(line, url):
    """The second one is told that somebody watches already; when the first ends, it may."""
    with Client(url) as client, Watch(line, client, Asked(), "valid", print):
        with pytest.raises(UsageError) as told:
            Watch(line, client, Asked(), "valid", print)
        assert told.value.rule == "watch.locked"
    with Client(url) as client, Watch(line, client, Asked(), "valid", print):
        pass


def test_what_is_written_on_is_reported_on(line, url, registry):
    """Who goes on writing through an open file after it was taken has those lines reported too."""
    path = drop(line, "a.jsonl", MADE[:1])
    told = []
    with path.open("ab") as writer, Client(url, key=sample.signer(sample.MAKER)) as client:
        send = client.send

        def late(content, mode):
            if writer.tell() < 2 * len(MADE[0]):
                writer.write(MADE[1] + b"\n")
                writer.flush()
            return send(content, mode)

        client.send = late
        with Watch(line, client, Asked(), "valid", told.append) as watch:
            watch.step()
            watch.step()
    assert (told[-1].state, told[-1].rows) == ("taken", 2)
    assert entries(registry)[-2:] == MADE[:2]


@contextmanager
def full_disk(monkeypatch):
    """A disk without room, as the system says it."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        yield


def test_a_full_disk_is_waited_out(line, watch, registry, monkeypatch):
    """Where nothing can be kept, nothing is sent: it is said, and goes on when there is room."""
    drop(line, "a.jsonl", MADE[:2])
    before = len(entries(registry))
    with full_disk(monkeypatch):
        [told] = watch()
    assert (told.state, told.rule) == ("waiting", "watch.disk")
    assert "No space left" in told.message
    assert len(entries(registry)) == before
    [told] = watch()
    assert (told.state, told.taken) == ("taken", 2)
