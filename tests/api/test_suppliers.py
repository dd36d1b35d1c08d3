"""Suppliers: asked for data points, they answer without an account and sign; the record keeps who said it."""

# ruff: noqa: F811 - fixtures of another module are imported

import html
import io
import json
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from openpyxl import load_workbook

from tests.api.conftest import HTML
from tests.api.test_accounts import (  # noqa: F401
    AWAY,
    SMALL,
    accounts,
    browser,
    no_attempts,
    quick_hashes,
    rule,
    token,
)
from tests.registry import sample
from voltrail.accounts.supplier_requests import MAX_FILES
from voltrail.errors import VoltrailError
from voltrail.events import decode
from voltrail.registry.lookup import Lookup

NUMBERS = count(1)
PDF = b"%PDF-1.7\n" + b"measured in a laboratory" * 20
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DUE = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
JSON = {"Accept": "application/json"}
POINTS = ("cathode_material", "rated_capacity_ah", "mass_kg")


def small(kind, **members):
    return sample.line(kind, datetime.now(UTC).isoformat(timespec="seconds"), **members)


@pytest.fixture
def model(registry):
    """Return a function that declares a model of the organisation for which the host signs."""

    def declare():
        identifier = f"SUP-{next(NUMBERS)}"
        line = small("model_registered", model_id=identifier, level="pack", name=f"Pack {identifier}")
        receipt = json.loads(registry.report_lines(SMALL, [line], "all", sha256(line).digest()))
        assert not receipt["refused"]
        return identifier

    return declare


def ask(one, models, part, points=POINTS, **fields):
    """Return what came of asking: the request, the token of its link, what was joined and offered."""
    given = {"model": models, "part": part, "supplier": "Kathode 示例", "contact": "a@b.example", "due": DUE}
    data = given | {"point": list(points), "csrf": one.form()} | fields
    answer = one.client.post("/requests/ask", data=data, headers=JSON)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Supplier:
    """A program that has the link."""

    def __init__(self, client, token):
        self.client, self.token = client, token
        self.headers = {"Authorization": f"Bearer {token}"} | JSON

    def get(self):
        return self.client.get("/answers", headers=self.headers)

    def save(self, values, supplier="Kathode 示例", **more):
        points = {name: {"value": value} for name, value in values.items()}
        for name, entry in more.items():
            points[name] |= entry
        body = {"supplier": supplier, "points": points}
        return self.client.put("/answers", content=json.dumps(body), headers=self.headers)

    def send(self, text, key=KEY, **changed):
        signed = {
            "text": text,
            "algorithm": "ed25519",
            "public_key": b64encode(key.public_key().public_bytes_raw()).decode(),
            "signature": b64encode(key.sign(text.encode())).decode(),
        } | changed
        return self.client.post("/answers", content=json.dumps(signed), headers=self.headers)

    def answer(self, values, **more):
        saved = self.save(values, **more)
        assert "text" in saved.json(), saved.text
        return self.send(saved.json()["text"])


def events_of(registry, model_id):
    with registry.database.pool.connection() as connection:
        chain = Lookup(connection, registry.authorities, None, None).chain(f"model:{model_id}")
    return [one for one in chain if one.event.kind == "answer_accepted"]


def standing(one, model_id):
    """Return how each point stands on the board."""
    board = one.json(f"/completeness?model={model_id}")
    return {line["point"]: line for line in board["points"]}


VALUES = {"cathode_material": "LiFePO4", "rated_capacity_ah": 157.5, "mass_kg": 410}


def test_the_whole_story(browser, registry, model):
    """Asked, answered, returned with a reason, answered again, accepted: the passport has it, provably."""
    maker, identifier = browser("small"), model()
    assert standing(maker, identifier)["cathode_material"]["standing"] == "missing"
    opened = ask(maker, [identifier], "cell whole")
    assert opened["link"].endswith(f"/answers#{opened['token']}")
    assert standing(maker, identifier)["mass_kg"]["standing"] == "asked"
    supplier = Supplier(browser().client, opened["token"])
    asked = supplier.get().json()
    assert [one["point"] for one in asked["points"]] == list(POINTS)
    assert (asked["part"], asked["models"], asked["state"]) == ("cell whole", [identifier], "asked")
    assert supplier.answer(VALUES | {"mass_kg": 1}).json()["revision"] == 1

    number = opened["request"]
    assert standing(maker, identifier)["mass_kg"]["standing"] == "answered"
    assert maker.json("/workspace")["todo"]["answers"] >= 1
    assert supplier.answer.__self__.save(VALUES).status_code == 400  # it is being looked at
    back = maker.send(f"/requests/{number}/return", revision="1", reason="The mass of one cell?")
    assert back.status_code == 303
    asked = supplier.get().json()
    assert (asked["state"], asked["returned_because"]) == ("returned", "The mass of one cell?")
    assert supplier.answer(VALUES).json()["revision"] == 2
    assert maker.send(f"/requests/{number}/accept").status_code == 303

    board = standing(maker, identifier)
    for name, value in VALUES.items():
        assert (board[name]["standing"], board[name]["value"]) == ("there", value)
        assert board[name]["by"] == "Kathode 示例"
    (event,) = events_of(registry, identifier)
    assert event.reporter == SMALL
    # from the event alone, with nothing of ours: the supplier's key signed this text, which says the values
    line = json.loads(msgspec.json.encode(event.event))
    key = Ed25519PublicKey.from_public_bytes(b64decode(line["public_key"]))
    key.verify(b64decode(line["signature"]), line["answer"].encode())
    text = json.loads(line["answer"])
    assert (text["asked_by"], text["part"], text["revision"]) == (SMALL, "cell whole", 2)
    assert {one["point"]: one["value"] for one in text["points"]} == VALUES == line["points"]
    assert supplier.get().json()["state"] == "accepted"
    assert supplier.save(VALUES).status_code == 400


def test_nothing_is_asked_twice(browser, registry, model):
    """Of a part that another model shares, what is open is joined and what was accepted is taken over."""
    maker, first, second, third = browser("small"), model(), model(), model()
    opened = ask(maker, [first], "cell shared", POINTS[:2])
    again = ask(maker, [second], "cell shared", POINTS)
    assert set(again["joined"]) == set(POINTS[:2])
    assert again["request"] != opened["request"]
    supplier = Supplier(browser().client, opened["token"])
    assert supplier.get().json()["models"] == [first, second]
    supplier.answer({"cathode_material": "NMC", "rated_capacity_ah": 80})
    maker.send(f"/requests/{opened['request']}/accept")
    assert standing(maker, second)["rated_capacity_ah"]["value"] == 80
    assert len(events_of(registry, first)) == len(events_of(registry, second)) == 1

    more = ask(maker, [third], "cell shared", ["cathode_material"])
    assert (more["request"], more["joined"]) == (None, {})
    assert more["offered"] == {"cathode_material": opened["request"]}
    assert standing(maker, third)["cathode_material"]["standing"] == "offered"
    maker.send(f"/requests/{opened['request']}/accept")
    (event,) = events_of(registry, third)
    assert event.event.points == {"cathode_material": "NMC"}
    assert event.event.signature == events_of(registry, first)[0].event.signature
    assert "rated_capacity_ah" not in {name for name, one in standing(maker, third).items() if "value" in one}
    assert maker.send(f"/requests/{opened['request']}/accept").status_code == 400  # nothing is left


def test_who_signs_alone_takes_the_lines(browser, registry):
    """A maker with a key of its own signs the lines itself; the record then says that it is accepted."""
    line = small("model_registered", model_id="SUP-KEY", level="pack")
    registry.report(sample.report(sample.signer(sample.MAKER), [line]))
    maker = browser("maker")
    opened = ask(maker, ["SUP-KEY"], "cell own")
    Supplier(browser().client, opened["token"]).answer(VALUES)
    path = f"/requests/{opened['request']}"
    assert maker.json(path)["state"] == "answered"
    assert maker.send(f"{path}/accept").status_code == 422
    lines = maker.send(f"{path}/accept", do="line").content.splitlines()
    receipt = json.loads(registry.report(sample.report(sample.signer(sample.MAKER), lines)))
    assert not receipt["refused"]
    assert maker.json(path)["state"] == "accepted"


def test_the_form_keeps_what_was_typed(browser, model):
    """Wrong values stay in the form with what is wrong; right ones lead to the text that is signed."""
    maker = browser("small")
    opened = ask(maker, [model()], "cell form")
    one = browser()
    fields = {"token": opened["token"], "csrf": one.form("/answers")}
    assert one.client.post("/answers/show", data=fields).status_code == 303
    assert one.get("/answers").status_code == 200
    typed = {"supplier": "Kathode", "value.mass_kg": "heavy", "value.rated_capacity_ah": "1e3", "do": "sign"}
    sent = one.client.post("/answers/save", data=typed | {"csrf": one.form("/answers")}, files={"x": b""})
    assert sent.headers["location"] == "/answers"
    page = one.get("/answers").text
    assert "mass_kg is &#39;heavy&#39;, and should be a number" in page
    assert 'value="heavy"' in page
    assert one.get("/answers/sign").headers["location"] == "/answers"
    files = {"file.mass_kg": ("mass.pdf", PDF, "application/pdf")}
    typed |= {"value.mass_kg": "410.5", "value.rated_capacity_ah": "1000", "method.mass_kg": "scales"}
    sent = one.client.post("/answers/save", data=typed | {"csrf": one.form("/answers")}, files=files)
    assert sent.headers["location"] == "/answers/sign"
    text = json.loads(html.unescape(re.search(r'id="text"[^>]*>([^<]*)<', one.get("/answers/sign").text)[1]))
    points = {said["point"]: said for said in text["points"]}
    assert points["mass_kg"] == {
        "point": "mass_kg",
        "value": 410.5,
        "unit": "kg",
        "method": "scales",
        "document": sha256(PDF).hexdigest(),
    }
    assert one.client.get(f"/answers/files/{sha256(PDF).hexdigest()}").content == PDF
    assert maker.client.get(f"/requests/{opened['request']}/files/{sha256(PDF).hexdigest()}").content == PDF
    assert one.client.get(f"/answers/files/{'0' * 64}", headers=JSON).status_code == 404
    assert (
        one.client.post("/answers/save", data=typed, files=files, headers=JSON).status_code == 403
    )  # no csrf
    assert one.send("/answers/leave", "/answers").status_code == 303
    assert one.client.get("/answers", headers=JSON).status_code in {401, 403}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_workbook(browser, model, language):
    """Taken away, filled in by another program and read in again, in either language."""
    opened = ask(browser("small"), [model()], f"cell book {language}")
    supplier = Supplier(browser().client, opened["token"])
    got = supplier.client.get(f"/answers/workbook.xlsx?lang={language}", headers=supplier.headers)
    book = load_workbook(io.BytesIO(got.content))
    sheet = book.worksheets[0]
    rows = {sheet.cell(row, 1).value: row for row in range(2, sheet.max_row + 1)}
    assert set(rows) == {"supplier", *POINTS}
    sheet.cell(rows["supplier"], 5, "Kathode GmbH")
    for name, value in VALUES.items():
        sheet.cell(rows[name], 5, value)
    sheet.cell(rows["mass_kg"], 6, "scales")
    written = io.BytesIO()
    book.save(written)
    files = {"file": ("answer.xlsx", written.getvalue(), "application/octet-stream")}
    saved = supplier.client.post("/answers/workbook", files=files, headers=supplier.headers)
    said = json.loads(saved.json()["text"])
    assert said["supplier"] == "Kathode GmbH"
    assert {one["point"]: one["value"] for one in said["points"]} == VALUES
    assert supplier.send(saved.json()["text"]).status_code == 200
    files = {"file": ("answer.csv", b"a,b\r\n1,2\r\n", "text/csv")}
    other = Supplier(supplier.client, ask(browser("small"), [model()], f"other {language}")["token"])
    assert other.client.post("/answers/workbook", files=files, headers=other.headers).status_code == 400


def test_links(browser, registry, model, app):
    """A link that is none opens nothing; a new one ends the old; a token is nowhere but with who has it."""
    maker = browser("small")
    opened = ask(maker, [model()], "cell link")
    client = browser().client
    assert rule(Supplier(client, "answer_" + "x" * 43).get()) == "answer.token"
    assert rule(client.get("/answers", headers=JSON)) == "answer.token"
    page = maker.send(f"/requests/{opened['request']}/link").text
    renewed = re.search(r"#(answer_[\w-]+)", html.unescape(page))[1]
    assert rule(Supplier(client, opened["token"]).get()) == "answer.token"
    assert Supplier(client, renewed).get().status_code == 200
    assert renewed not in maker.get(f"/requests/{opened['request']}").text
    with registry.database.pool.connection() as connection:
        trail = connection.execute("select detail from audit_trail").fetchall()
        kept = connection.execute("select to_jsonb(r)::text from supplier_request r").fetchall()
    assert renewed not in str(trail) + str(kept)
    assert opened["token"] not in str(trail) + str(kept)
    assert Supplier(client, renewed).get().headers["referrer-policy"] == "no-referrer"
    assert rule(browser(url=AWAY.replace("https", "http")).client.get(
        "/answers", headers=Supplier(client, renewed).headers
    )) == "access.tls"  # fmt: skip
    maker.send(f"/requests/{opened['request']}/withdraw")
    assert Supplier(client, renewed).get().json()["state"] == "withdrawn"
    assert Supplier(client, renewed).save(VALUES).status_code == 400


def test_attacks_on_an_answer(browser, model):
    """Another's signature, another request's text, a value changed after signing, values that cannot be."""
    maker, identifier = browser("small"), model()
    client = browser().client
    one = Supplier(client, ask(maker, [identifier], "cell attacked")["token"])
    other = Supplier(client, ask(maker, [identifier], "cell beside")["token"])
    text = one.save(VALUES).json()["text"]
    theirs = other.save(VALUES).json()["text"]
    assert rule(one.send(theirs)) == "answer.other"  # replayed from another request
    changed = text.replace("157.5", "175.5")
    signature = b64encode(KEY.sign(text.encode())).decode()
    assert rule(one.send(changed, signature=signature)) == "answer.signature"
    stranger = Ed25519PrivateKey.generate()
    assert rule(one.send(text, stranger, signature=signature)) == "answer.signature"
    assert rule(one.send(text, algorithm="none")) == "answer.signature"
    assert rule(one.send(text, public_key="AAAA")) == "answer.signature"
    assert rule(one.send(text, organisation=sample.CARMAKER)) == "answer.key"  # it is not their key
    for wrong in (
        text.replace('"revision":1', '"revision":2'),
        text.replace(SMALL, sample.MAKER),
        text.replace(sample.ORIGIN, "other.example/log"),
        text.replace("cell attacked", "cell beside"),
    ):
        assert rule(one.send(wrong)) == "answer.other"
    assert rule(one.send(text.replace(":410,", ": 410,"))) == "event.value"  # not its one form
    assert rule(one.send(text.replace('"value":410', '"value":-1'))) == "event.value"
    assert rule(one.send(text.replace('"kg"', '"g"'))) == "event.value"
    assert rule(one.send(text.replace("}]", ',"document":"' + "a" * 64 + '"}]'))) == "answer.document"
    asked_for = text.replace('"point":"mass_kg"', '"point":"voltage_nominal_v"').replace('"kg"', '"V"')
    assert rule(one.send(asked_for)) == "answer.not_asked"
    assert rule(one.send(text.replace("Kathode", "K\u202e"))) == "event.value"
    assert rule(one.send(text, organisation="a\0b")).startswith("identity.")
    old = re.sub(r'"answered_at":"[^"]*"', '"answered_at":"2020-01-01T00:00:00+00:00"', text)
    assert rule(one.send(old)) == "answer.time"
    for value in (-5, 1e308, "1e400", "NaN", "inf", 0.1234567890123456789, True, None, [1]):
        answer = one.save({"mass_kg": value})
        assert answer.status_code == 400 or "wrong" in answer.json(), value
    assert rule(one.save({"passport_id": "https://a.example"})) == "answer.not_asked"
    assert rule(one.client.put("/answers", content=b"{", headers=one.headers)) == "answer.form"
    assert one.client.put("/answers", content=b" " * 300_000, headers=one.headers).status_code == 413
    assert one.client.post("/answers", content=b"{}", headers=JSON).status_code in {401, 403}
    assert one.send(text).status_code == 200
    assert rule(one.send(text)) == "supplier.closed"  # sent twice


def test_files_are_bounded(browser, model):
    """Nothing but PDF and zip, and no more than a request may have."""
    one = Supplier(browser().client, ask(browser("small"), [model()], "cell files")["token"])

    def send(content):
        return one.client.post("/answers/files", content=content, headers=one.headers)

    assert rule(send(b"<script>")) == "document.type"
    for number in range(MAX_FILES):
        assert send(PDF + b"%d" % number).status_code == 200
    assert rule(send(PDF + b"more")) == "answer.files"


def test_what_another_organisation_sees(browser, model):
    """Boards and requests are their maker's; authorities see the board, and others nothing."""
    identifier = model()
    opened = ask(browser("small"), [identifier], "cell private")
    for login in ("carmaker", "maker"):
        other = browser(login)
        answer = other.client.get(f"/completeness?model={identifier}", headers=JSON)
        assert rule(answer) == "access.model_board"
        assert rule(other.client.get(f"/requests/{opened['request']}", headers=JSON)) == "supplier.unknown"
        data = {"csrf": other.form(), "revision": "1", "reason": "x"}
        for deed in ("link", "withdraw", "return", "accept"):
            answer = other.client.post(f"/requests/{opened['request']}/{deed}", data=data, headers=JSON)
            assert answer.status_code in {400, 404}
    assert browser().client.get(f"/completeness?model={identifier}", headers=JSON).status_code == 401
    board = standing(browser("ministry"), identifier)
    assert (board["mass_kg"]["standing"], board["mass_kg"]["supplier"]) == ("asked", "Kathode 示例")
    ours = browser("small")
    form = {"model": identifier, "part": "x", "supplier": "y", "contact": "z", "due": DUE, "point": "mass_kg"}
    assert ours.client.post("/requests/ask", data=form, headers=JSON).status_code == 403
    for deed in ("link", "withdraw", "return", "accept"):
        path = f"/requests/{opened['request']}/{deed}"
        for csrf in ({}, {"csrf": browser("carmaker").form()}):
            assert ours.client.post(path, data={"revision": "1"} | csrf, headers=JSON).status_code == 403
        away = {"Sec-Fetch-Site": "cross-site"} | JSON
        assert ours.client.post(path, data={"csrf": ours.form()}, headers=away).status_code == 403
        assert browser().client.post(path, data={}, headers=JSON).status_code == 401
    theirs = form | {"csrf": browser("carmaker").form()}
    assert ours.client.post("/requests/ask", data=theirs, headers=JSON).status_code == 403


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"due": "2020-01-01"}, "supplier.due"),
        ({"due": "soon"}, "supplier.due"),
        ({"point": "serial_number"}, "supplier.points"),
        ({"point": []}, "supplier.points"),
        ({"model": "NOBODYS"}, "supplier.model"),
        ({"model": []}, "supplier.models"),
        ({"part": " "}, "supplier.named"),
        ({"part": "cell\0"}, "supplier.named"),
        ({"supplier": "\u202egnp"}, "supplier.named"),
        ({"note": "a\0b"}, "supplier.note"),
        ({"model": "a\0b"}, "usage.text"),
        ({"note": "x" * 1001}, "supplier.note"),
    ],
)
def test_what_cannot_be_asked(browser, model, changed, said):
    """Each has its rule, for programs; people see the form again with what they typed."""
    maker = browser("small")
    form = {"model": model(), "part": "x", "supplier": "y", "contact": "z", "due": DUE, "point": "mass_kg"}
    form |= {"csrf": maker.form()} | changed
    assert rule(maker.client.post("/requests/ask", data=form, headers=JSON)) == said
    page = maker.client.post("/requests/ask", data=form)
    assert page.status_code >= 400
    assert 'role="alert"' in page.text


def test_overdue(browser, registry, model):
    """Past its day a request is overdue, on the board, in the list and in the workspace."""
    maker, identifier = browser("small"), model()
    number = ask(maker, [identifier], "cell late")["request"]
    with registry.database.pool.connection() as connection:
        connection.execute("update supplier_request set due = '2026-01-01' where id = %s", (number,))
    assert standing(maker, identifier)["mass_kg"]["overdue"]
    assert maker.json(f"/requests/{number}")["overdue"]
    assert maker.json("/workspace")["todo"]["overdue"] == 1
    for path in ("/requests", f"/requests/{number}", f"/completeness?model={identifier}"):
        assert "overdue" in maker.get(path).text


def test_the_pages(browser, model):
    """Each page of a maker answers in both languages, and leads to the next."""
    maker, identifier = browser("small"), model()
    number = ask(maker, [identifier], "cell pages")["request"]
    for path, part in (
        ("/completeness", identifier),
        (f"/completeness?model={identifier}&rules=batterypass-ready-1.0", "mass_kg"),
        ("/requests", "cell pages"),
        (f"/requests/new?model={identifier}", "cathode_material"),
        (f"/requests/{number}", "Kathode"),
        ("/workspace", "/completeness"),
        (f"/models/{identifier}", f"/completeness?model={identifier}"),
    ):
        for language in ("en", "zh"):
            answer = maker.get(path, **HTML | {"Accept-Language": language})
            assert (answer.status_code, part in html.unescape(answer.text)) == (200, True), path
    assert maker.client.get("/completeness?rules=none", headers=JSON).status_code == 400


def test_an_event_that_lies():
    """The line itself cannot be made without the supplier's key: each change to it is refused."""
    members = sample.answered(VALUES, SMALL)
    when = "2026-05-01T10:00:00+08:00"
    good = sample.line("answer_accepted", when, model_id="M", **members)
    assert decode(good).points == VALUES
    for changed in (
        {"points": VALUES | {"mass_kg": 411}},
        {"points": {"cathode_material": "LFP"}},
        {"points": {"anode_material": "graphite"}},
        {"supplier_name": "Somebody else"},
        {"part": "another"},
        {"answer": members["answer"].replace("410", "411")},
        {"public_key": b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()},
        {"signature": b64encode(bytes(64)).decode()},
        {"algorithm": "ml-dsa-44"},
        {"answer": "[]"},
    ):
        with pytest.raises(VoltrailError):
            decode(sample.line("answer_accepted", when, model_id="M", **members | changed))


def test_whose_answer_it_is(registry, model):
    """A maker cannot put another maker's answer on its models, nor name one whose key it is not."""
    identifier = model()

    def refused(reporter_is, **changed):
        line = small("answer_accepted", model_id=identifier, **changed)
        receipt = json.loads(registry.report_lines(reporter_is, [line], "valid", sha256(line).digest()))
        return [one["rule"] for one in receipt["refused"]]

    assert refused(SMALL, **sample.answered(VALUES, sample.CARMAKER)) == ["answer.asked_by"]
    ours = sample.answered(VALUES, SMALL)
    assert refused(SMALL, **ours, supplier_id=sample.RECYCLER) == ["answer.supplier_id"]
    keyed = sample.answered(VALUES, SMALL, key=sample.signer(sample.RECYCLER))
    assert refused(SMALL, **keyed, supplier_id=sample.RECYCLER) == []
    assert refused(SMALL, **ours) == []
