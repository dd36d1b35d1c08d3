"""What a connection brought is cut as the plain way says, and answered as the protocol says."""

from hypothesis import given
from hypothesis import strategies as st

from tests.telematics.strategies import FRAMES, VIN, framed
from voltrail.gateway.protocol import answer
from voltrail.telematics.gbt32960.cutting import Cutter
from voltrail.telematics.gbt32960.stream import split

CUTTER = Cutter()
BITS = st.one_of(FRAMES, st.binary(max_size=40), st.sampled_from([b"##", b"$$", b"#", b"##\x02\xfe"]))
STREAMS = st.lists(BITS, max_size=8).map(b"".join)
REPORTS = st.lists(
    st.builds(
        lambda start, command, encryption, unit: framed(
            start, command, 0xFE, encryption, bytes([26, 11, 30, 9, 0, 0]) + unit, VIN
        ),
        st.sampled_from([b"##", b"$$"]),
        st.sampled_from([2, 3]),
        st.sampled_from([1, 3]),
        st.binary(max_size=60),
    ),
    min_size=1,
    max_size=8,
)


@given(STREAMS, st.data())
def test_cutting_is_splitting(stream, data):
    """The same frames, refusals and rest, wherever the bytes of a read end."""
    held = stream[: data.draw(st.integers(0, len(stream)))]
    cut, plain = CUTTER.cut(held), split(held, final=False)
    assert [tuple(one) for one in cut.frames] == plain.frames
    assert (cut.refused, cut.rest) == (plain.refused, plain.rest)


@given(REPORTS)
def test_answers_at_once_are_those_one_by_one(reports):
    """Command, VIN and time are repeated with 0x01 and a check of their own, encrypted units without time."""
    stream = b"".join(reports)
    cut = CUTTER.cut(stream)
    if len(cut.frames) == len(reports):  # a unit may look like frames
        assert CUTTER.answers(stream, len(reports)) == b"".join(answer(one, 1) for one in reports)
        assert cut.sound


OURS, OTHER = VIN.encode(), b"LTESTVIN000000002"
SENT = st.one_of(REPORTS.map(b"".join), STREAMS)


@given(st.lists(st.tuples(SENT, st.sampled_from([OURS, OTHER])), min_size=1))
def test_reads_together_are_those_one_by_one(reads):
    """A read counts only where it is whole, sound reports of its vehicle, whatever stands beside it."""
    data, counts = CUTTER.sound([read for read, _ in reads], [vin for _, vin in reads])
    assert data == b"".join(read for read, _ in reads)
    for (read, vin), count in zip(reads, counts, strict=True):
        cut = CUTTER.cut(read)
        whole = cut.rest == len(read) and not cut.refused and cut.sound
        ours = all(read[start + 4 : start + 21] == vin for start, _ in cut.frames)
        assert count == (len(cut.frames) if whole and ours else 0)


def test_what_is_seen_is_counted_once():
    """Frames of reads that are taken together are counted by edition and command, others are not."""
    cutter = Cutter()
    report = framed(b"##", 2, 0xFE, 1, bytes([26, 11, 30, 9, 0, 0]), VIN)
    before = cutter.seen.sum()
    cutter.sound([report * 3, report[:-1], report], [OURS, OURS, OTHER])
    assert cutter.seen.sum() - before == 3
    assert cutter.seen[0, 2] == 3
