"""
Bytes that nobody thought of, against both readers of frames: a target of atheris.

    python -m tests.telematics.fuzz -runs=10000000            the long search, for a night
    python -m tests.telematics.fuzz -max_total_time=20        what `make test` does

The search is guided by what plain Python does with the bytes; the compiled reader must agree with it each
time, and each frame must be written as it was read. Options are those of libFuzzer; bytes that break
something are kept as `crash-...`.
"""

import sys

import atheris

with atheris.instrument_imports(
    include=[
        "voltrail.telematics.gbt32960.frame",
        "voltrail.telematics.gbt32960.stream",
        "voltrail.telematics.gbt32960.writing",
    ]
):
    from voltrail.telematics.gbt32960.frame import read_frame
    from voltrail.telematics.gbt32960.stream import split
    from voltrail.telematics.gbt32960.writing import write_frame

from tests.telematics.strategies import framed
from tests.telematics.test_batch import assert_equal
from voltrail.telematics.gbt32960.batch import Decoder

DECODER = Decoder()


def stream_of(data: bytes) -> bytes:
    """Return the bytes as they are, or as units of frames with the right check, which no search finds."""
    if len(data) < 3 or data[0] & 1:
        return data[1:]
    start = b"$$" if data[0] & 2 else b"##"
    command, ack = (data[1], data[2]) if data[0] & 4 else (2, 0xFE)
    units = data[3:].split(b"|;")
    return b"".join(framed(start, command, ack, 1, unit[:65000]) for unit in units)


def try_bytes(data: bytes) -> None:
    """Raise if the two readers differ, or if a frame is not written as it was read."""
    stream = stream_of(data)
    assert_equal(stream, DECODER.decode(stream))
    for start, stop in split(stream).frames:
        assert write_frame(read_frame(stream[start:stop])) == stream[start:stop]


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_bytes)
    atheris.Fuzz()
