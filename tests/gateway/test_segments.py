"""What was acknowledged is read again, and nothing of what was not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.errors import FrameError
from voltrail.gateway.segments import Record, Writer, closed, read

RECORDS = st.lists(
    st.builds(Record, st.integers(0, 2**63 - 1), st.integers(0, 2**32 - 1), st.binary(max_size=200)),
    max_size=8,
)


@given(RECORDS, st.data())
def test_a_cut_segment_gives_the_records_before_the_cut(tmp_path_factory, records, data):
    """Wherever a kill ends a segment, the whole records before it are read, in order, and nothing else."""
    folder = tmp_path_factory.mktemp("segments")
    ends = []
    with Writer(folder, 1) as writer:
        for record in records:
            writer.append([record])
            ends.append(writer.size)
    whole = writer.path.read_bytes()
    assert list(read(writer.path)) == records

    cut = data.draw(st.integers(0, len(whole)))
    writer.path.write_bytes(whole[:cut])

    assert list(read(writer.path)) == records[: sum(end <= cut for end in ends)]


def test_one_that_is_written_to_is_not_closed(tmp_path):
    """A segment is left alone as long as its writer holds it."""
    with Writer(tmp_path, 1) as writer:
        assert closed(tmp_path) == []
    assert closed(tmp_path) == [writer.path]


def test_a_changed_byte_ends_reading(tmp_path):
    """A byte that the disk changed is not read as a frame."""
    with Writer(tmp_path, 1) as writer:
        writer.append([Record(1, 0, b"first"), Record(2, 0, b"second")])
    held = bytearray(writer.path.read_bytes())
    held[-1] ^= 1
    writer.path.write_bytes(held)

    assert list(read(writer.path)) == [Record(1, 0, b"first")]


def test_what_is_no_segment_is_told(tmp_path):
    """A file of another kind is refused and not read as frames."""
    (tmp_path / "x.seg").write_bytes(b"PAR1" + bytes(40))
    with pytest.raises(FrameError, match="does not begin"):
        list(read(tmp_path / "x.seg"))
