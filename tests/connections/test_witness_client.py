"""Asking witnesses honest, down, slow or lying: the log goes on, and says in plain words what is wrong."""

import json
import logging
import socket
from contextlib import ExitStack

import msgspec
import pytest
from litestar.testing import TestClient

import voltrail
from tests.connections import witnesses as others
from tests.connections.witnesses import always, honest, key, served
from tests.registry import sample
from tests.web.chinese import unled
from voltrail.api import create_app
from voltrail.connections.witness_client import Asked, Witnesses, diagnose_witnesses
from voltrail.errors import RegistryClosed, VerificationError
from voltrail.ledger import merkle
from voltrail.ledger.notes import Checkpoint, Policy, parse_note
from voltrail.registry import settings

PACK, YOUNGER = sample.pack(1), sample.pack(2)


@pytest.fixture
def stack():
    """What is opened in a test and closed after it."""
    with ExitStack() as stack:
        yield stack


def with_urls(registry, urls):
    """Say where the registry's witnesses are, once that is known: as by editing settings.json."""
    named = [
        f"{one.partition(' ')[0]} {url}" for one, url in zip(registry.settings.witnesses, urls, strict=True)
    ]
    registry.settings = msgspec.structs.replace(registry.settings, witnesses=named)
    return Witnesses(registry)


def honest_ones(stack, folder, log, numbers):
    """Serve honest witnesses with these numbers; return their URLs."""
    return [stack.enter_context(honest(key(n), folder / f"w{n}", log)) for n in numbers]


def first_life(registry, pack):
    registry.report(sample.report(sample.signer(sample.MAKER), sample.first_life(pack)))


def checked(registry, code):
    """Verify a battery's evidence as anyone would, by the registry's policy."""
    return voltrail.verify(registry.evidence(code), Policy.parse(registry.policy), [sample.authority().vkey])


def size_of(note):
    return Checkpoint.parse(parse_note(note).text).size


def down():
    """Return the URL of a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_evidence_stands_under_what_the_quorum_cosigned(begin, tmp_path, stack):
    """Two of three witnesses make a checkpoint witnessed; later events come with the next one."""
    registry = begin([key(n).vkey for n in (1, 2, 3)])
    log = registry.keys.log.verifier
    urls = honest_ones(stack, tmp_path, log, (1, 2))
    witnesses = with_urls(registry, [*urls, down()])
    first_life(registry, PACK)
    with pytest.raises(VerificationError) as caught:
        checked(registry, PACK)
    assert caught.value.rule == "evidence.quorum"
    assert "Not yet witnessed" in caught.value.message
    assert "quorum none" in caught.value.fix
    witnesses.ask_all()
    proved = checked(registry, PACK)
    assert (proved.witnessed, proved.witnesses) == ("witnessed", ("w1.example", "w2.example"))
    size = size_of(registry.witnessed_checkpoint())
    registry.report(sample.report(sample.signer(sample.CARMAKER), sample.fitted(PACK)))
    first_life(registry, YOUNGER)
    assert (checked(registry, PACK).checkpoint.size, len(checked(registry, PACK).events)) == (size, 2)
    with pytest.raises(VerificationError):
        checked(registry, YOUNGER)
    witnesses.ask_all()
    assert (len(checked(registry, PACK).events), len(checked(registry, YOUNGER).events)) == (4, 2)
    told = witnesses.status()
    assert told["witnessed_size"] == told["size"] == size_of(registry.checkpoint())
    assert [one["behind"] for one in told["witnesses"]] == [0, 0, told["size"]]
    assert [one["error"] is None for one in told["witnesses"]] == [True, True, False]
    assert [check.ok for check in diagnose_witnesses(registry)] == [True, True, False]


def test_heads_stand_under_witnessed_checkpoints_too(begin, tmp_path, stack):
    """A complete history is proved under the cosigned checkpoint; later heads come with the next."""
    registry = begin([key(1).vkey])
    first_life(registry, PACK)
    witnesses = with_urls(registry, honest_ones(stack, tmp_path, registry.keys.log.verifier, (1,)))
    witnesses.ask_all()
    registry.enter_heads()
    assert not checked(registry, PACK).complete
    witnesses.ask_all()
    proved = checked(registry, PACK)
    assert (proved.complete, proved.witnessed) == (True, "witnessed")


def test_a_third_witness_joins_those_before(begin, tmp_path, stack):
    """A cosignature that comes after the quorum is met is kept beside the others."""
    registry = begin([key(n).vkey for n in (1, 2, 3)])
    urls = honest_ones(stack, tmp_path, registry.keys.log.verifier, (1, 2, 3))
    first_life(registry, PACK)
    with_urls(registry, urls).ask_all()
    assert checked(registry, PACK).witnesses == ("w1.example", "w2.example", "w3.example")


def test_a_restart_asks_on_from_where_witnesses_are(begin, tmp_path, stack):
    """Who has forgotten how far a witness is learns it from its answer, and goes on."""
    registry = begin([key(1).vkey])
    url = stack.enter_context(honest(key(1), tmp_path / "w1", registry.keys.log.verifier))
    with_urls(registry, [url]).ask_all()
    first_life(registry, PACK)
    again = with_urls(registry, [url])
    again.ask_all()
    assert again.asked[0].error is None
    assert size_of(registry.witnessed_checkpoint()) == size_of(registry.checkpoint())


LIARS = {
    "silence": (others.silence, "has not finished its answer"),
    "drip": (others.drip, "has not finished its answer"),
    "flood": (others.flood, "more than 65,536 bytes"),
    "huge": (always(200, bytes(1 << 20)), "more than 65,536 bytes"),
    "garbage": (others.garbage, "cannot be reached"),
    "defect": (always(500, b"Something\x00 went wrong"), "answers 500, and says: Something went wrong"),
    "redirect": (always(302, Location="http://127.0.0.1:1/"), "answers 302"),
    "nothing": (always(204), "answers 204"),
    "unknown log": (always(404, b"Unknown log"), "answers 404, and says: Unknown log"),
    "odd conflict": (always(409, b"many\n"), "answers 409"),
    "same conflict": (always(409, b"0\n"), "answers 409"),
    "ahead": (always(409, b"99999999\n"), "It knows 99,999,999 entries of this log"),
    "other history": (always(422, b"no"), "shows nothing with this log's signature"),
    "no signature": (always(200, b"ok\n"), "not signature lines"),
}


def test_liars_and_laggards_stop_nobody(begin, tmp_path, stack):
    """Each way to be slow or to lie is told in its own words, and keeps no honest witness from cosigning."""
    count = len(LIARS) + 3
    keys = {n: key(n) for n in range(1, count + 1)}
    registry = begin([one.vkey for one in keys.values()])
    first_life(registry, PACK)
    other = Checkpoint(registry.origin, 1, bytes(32)).text
    urls = [stack.enter_context(served(liar)) for liar, _ in LIARS.values()]
    urls += [stack.enter_context(served(others.cosigns(keys[count - 2], other))), down()]
    urls.append(stack.enter_context(honest(key(count), tmp_path / "w", registry.keys.log.verifier)))
    witnesses = with_urls(registry, urls)
    witnesses.ask_all()
    words = [words for _, words in LIARS.values()]
    words += ["does not hold for the checkpoint it was asked to cosign", "cannot be reached"]
    told = witnesses.status()["witnesses"]
    for said, expected in zip(told, words, strict=False):
        assert expected in said["error"], said
        assert said["size"] is None
    assert told[-1]["error"] is None
    assert told[-1]["size"] == size_of(registry.checkpoint())
    assert registry.closed is None
    first_life(registry, YOUNGER)


def test_a_witness_that_is_wrong_about_our_history(begin, stack):
    """A witness that refuses what leads from the checkpoint it shows itself is said to be wrong; no fork."""
    registry = begin([key(1).vkey])
    first_life(registry, PACK)
    note = registry.checkpoint().encode()

    def answer(handler, body):
        others.send(handler, 422 if body is not None else 200, note)

    witnesses = with_urls(registry, [stack.enter_context(served(answer))])
    witnesses.ask_all()
    assert "so it is wrong" in witnesses.status()["witnesses"][0]["error"]
    assert registry.closed is None


def forked(registry, size):
    """Return a checkpoint of another history, with this log's own signature."""
    root = merkle.root([merkle.leaf_hash(b"%d" % n) for n in range(size)])
    return registry.keys.log.sign(Checkpoint(registry.origin, size, root).text)


@pytest.mark.parametrize("further", [0, 1000])
def test_a_proof_of_a_fork_closes_the_log(begin, stack, caplog, further):
    """A checkpoint that our own key signed, of another history or a longer one, closes the log for good."""
    registry = begin([key(1).vkey])
    first_life(registry, PACK)
    size = size_of(registry.checkpoint()) + further
    proof = forked(registry, size)

    def answer(handler, body):
        if body is None:
            others.send(handler, 200, (proof + key(1).cosign(parse_note(proof).text, 1)).encode())
        else:
            others.send(handler, 409 if further else 422, f"{size}\n".encode())

    witnesses = with_urls(registry, [stack.enter_context(served(answer))])
    with caplog.at_level(logging.WARNING):
        witnesses.ask_all()
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    assert "The log has forked" in caplog.text
    with pytest.raises(RegistryClosed) as closed:
        first_life(registry, YOUNGER)
    assert closed.value.rule == "log.fork"
    assert "successor" in closed.value.fix
    with voltrail.open(registry.data, registry.database.dsn) as again:
        assert again.closed.rule == "log.fork"
        with pytest.raises(RegistryClosed):
            again.report_lines(sample.MAKER, sample.first_life(YOUNGER))
        assert again.battery(PACK)["code"] == PACK
        (registry.data / "anchor/fork").write_text(again.anchor.read()[0])
    with voltrail.open(registry.data, registry.database.dsn) as mended:
        assert mended.closed is None


def test_nobody_elses_word_closes_the_log(begin):
    """A checkpoint that this log's key did not sign proves nothing."""
    from voltrail.errors import NoteError

    registry = begin([])
    with pytest.raises(NoteError):
        registry.hold_against(sample.authority().sign(Checkpoint(registry.origin, 9, bytes(32)).text))
    assert registry.closed is None


def test_a_witnessed_file_that_is_damaged_is_asked_for_again(begin, tmp_path, stack):
    """Without its file, or with a broken one, nothing is lost: the next answer brings it back."""
    registry = begin([key(1).vkey])
    witnesses = with_urls(
        registry, [stack.enter_context(honest(key(1), tmp_path / "w", registry.keys.log.verifier))]
    )
    first_life(registry, PACK)
    witnesses.ask_all()
    for damage in (b"\xff\xff", registry.checkpoint().encode(), None):
        path = registry.witnessed.path
        path.write_bytes(damage) if damage is not None else path.unlink()
        assert registry.witnessed.read() is None
        assert registry.closed is None
        with pytest.raises(VerificationError):
            checked(registry, PACK)
        again = Witnesses(registry)
        again.ask_all()
        assert checked(registry, PACK).witnessed == "witnessed"


def test_the_routes(begin, tmp_path, stack):
    """The server asks by itself, serves the witnessed checkpoint, and says how each witness is."""
    registry = begin([key(1).vkey, key(2).vkey, key(3).vkey])
    first_life(registry, PACK)
    urls = honest_ones(stack, tmp_path, registry.keys.log.verifier, (1, 2))
    with_urls(registry, [*urls, down()])
    app = create_app(registry)
    with TestClient(app) as client:
        while registry.witnessed.read() is None:
            pass
        note = client.get("/log/checkpoint/witnessed").text
        assert Policy.parse(registry.policy).open(note).witnesses
        while (told := client.get("/log/witnesses").json())["witnesses"][2]["error"] is None:
            pass
        assert "cannot be reached" in told["witnesses"][2]["error"]
        assert told["witnesses"][2]["rule"] == "witness.unreachable"
        chinese = client.get("/log", headers={"Accept": "text/html", "Accept-Language": "zh"}).text
        assert "无法连接该见证人。" in chinese
        assert unled(chinese) == []
        assert told["witnessed_size"] == size_of(note)
        assert f"voltrail_log_witnessed_size {size_of(note)}.0" in client.get("/metrics").text


def test_without_witnesses_nothing_is_witnessed(begin):
    """A registry whose policy has no witnesses says so, asks nobody, and its evidence verifies."""
    registry = begin([])
    first_life(registry, PACK)
    with TestClient(create_app(registry)) as client:
        answer = client.get("/log/checkpoint/witnessed")
        assert (answer.status_code, answer.json()["error"]["rule"]) == (404, "log.not_witnessed")
        assert client.get("/log/witnesses").json()["witnesses"] == []
    assert checked(registry, PACK).witnessed == "not yet witnessed"


def test_a_witness_without_a_url_is_named(begin):
    """A witness in the policy that nobody can ask is said to be that."""
    registry = begin([key(1).vkey])
    assert "has no URL" in next(diagnose_witnesses(registry)).message
    told = Witnesses(registry).status()["witnesses"][0]
    assert (told["error"], told["rule"]) == ("It has no URL, so nobody asks it.", "witness.no_url")


@pytest.mark.parametrize("url", ["ftp://w.example/", "w.example", "http://"])
def test_a_url_that_is_none(tmp_path, url):
    """An address at which nobody can be asked is refused before anything is written."""
    from voltrail.errors import UsageError

    with pytest.raises(UsageError):
        settings.initialise(tmp_path, "x.example/log", [sample.authority().vkey], [f"{key(1).vkey} {url}"])
    assert not list(tmp_path.iterdir())


def test_a_clock_far_ahead(begin, stack):
    """A cosignature from a time that has not come is not taken, since verifiers may refuse it."""
    registry = begin([key(1).vkey])
    text = parse_note(registry.checkpoint()).text
    line = key(1).cosign(text, (1 << 63) - 1)
    witnesses = with_urls(registry, [stack.enter_context(served(always(200, line.encode())))])
    witnesses.ask_all()
    assert "not come yet" in json.dumps(witnesses.status())
    assert isinstance(witnesses.asked[0], Asked)
