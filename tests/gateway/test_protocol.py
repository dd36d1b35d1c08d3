"""The rules of a connection without its socket: however bytes come, the same follows."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.vehicles import ICCID, OTHER, VIN, login, logout, report
from voltrail.gateway.protocol import MAX_STRANGE_BYTES, Login, Session
from voltrail.registry.admission import Terminal
from voltrail.telematics.gbt32960.cutting import Cutter
from voltrail.telematics.gbt32960.writing import make_frame

CUTTER = Cutter()
NOW = datetime(2026, 11, 30, 1, 0, 0, tzinfo=UTC)
DAMAGED = report(4)[:-1] + b"\0"
FRAMES = st.sampled_from(
    [
        login(),
        login(edition=2025),
        report(1),
        report(2, edition=2025),
        report(3, OTHER),
        logout(),
        make_frame(2016, 7, VIN),
        make_frame(2025, 8, VIN),
        DAMAGED,
        b"rubbish",
    ]
)


def played(pieces):
    """Return what a session keeps, answers and refuses of these pieces, and whether it closes."""
    session, kept, answers, refused = Session(), b"", b"", []
    for piece in pieces:
        turn = session.receive(piece, CUTTER, NOW)
        while True:
            kept += b"".join(turn.kept)
            answers += b"".join(turn.answers)
            refused += turn.refused
            if turn.close:
                return kept, answers, sorted(refused), True
            if turn.ask is None:
                break
            assert turn.ask == Login(VIN, ICCID)
            turn = session.told(Terminal(VIN, ICCID), CUTTER, NOW)
    return kept, answers, sorted(refused), False


WHOLE = FRAMES.filter(
    lambda one: one not in {b"rubbish", DAMAGED}
)  # two damaged in a read are refused as one


@given(st.lists(WHOLE, max_size=12), st.data())
def test_where_a_read_ends_makes_no_difference(frames, data):
    """Whole, frame by frame, or cut anywhere: the same is kept, answered and refused."""
    stream = b"".join([login(), *frames, make_frame(2016, 7, VIN)])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert played(pieces) == played([login(), *frames, make_frame(2016, 7, VIN)])


@given(st.lists(FRAMES, max_size=12))
def test_nothing_is_kept_before_a_login(frames):
    """Whatever comes: what is kept begins with a login, and only frames of that vehicle follow."""
    kept, _, _, _ = played(frames)
    assert not kept or kept[2] == 1
    assert OTHER.encode() not in kept


def test_strangers_are_not_searched_for_long():
    """Who has not logged in may send a login with much behind it, and no rubbish, however long."""
    behind = [report(second) for second in range(2000)]
    assert len(b"".join(behind)) > 2 * MAX_STRANGE_BYTES
    assert played([b"".join([login(), *behind])]) == (
        b"".join([login(), *behind]),
        played([login()])[1],
        [],
        False,
    )
    assert played([b"##\x01\x01\xf0\x00" * 40_000])[3]
    assert played([make_frame(2016, 7, VIN) * 4000])[3]
    assert played([b"x"])[3]
