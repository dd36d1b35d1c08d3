"""Frames as vehicles may send them, and as they must not: items, edges of ranges, damage of all sorts."""

import random
from functools import reduce
from operator import xor

from hypothesis import strategies as st

from voltrail.telematics.gbt32960.layout import EDITIONS, SIGNATURE, layout
from voltrail.telematics.gbt32960.writing import make_frame

VIN = "LTESTVIN000000001"


def framed(start: bytes, command: int, ack: int, encryption: int, unit: bytes, vin: str = VIN) -> bytes:
    """Return a frame whose length and check are right, whatever is in it."""
    told = bytes([command, ack]) + vin.encode() + bytes([encryption]) + len(unit).to_bytes(2, "big") + unit
    return start + told + bytes([reduce(xor, told)])


def raw_value(field, dice):
    """Return a raw value: in range, at its edges, one beyond, a marker, or anything."""
    most = 256**field.size - 1
    edges = (field.min, field.top, field.top + 1, field.min - 1, most, most - 1, most - 2, 0)
    drawn = dice.choice((dice.randint(field.min, field.top), dice.choice(edges), dice.randint(0, most)))
    return min(max(drawn, 0), most)


def raw_values(fields, dice):
    """Return values by name; lists are short, and now and then their number is marked instead."""
    held = {field.name: raw_value(field, dice) for field in fields if not field.count}
    for field in fields:
        if not field.count:
            continue
        count = next(one for one in fields if one.name == field.count)
        number = dice.choice((0, 1, 2, 5, 31, 32, 33, 70)) if not field.fields else dice.randint(0, 3)
        if count.marked and dice.random() < 0.1:
            held[count.name], held[field.name] = 256**count.size - dice.choice((1, 2)), []
            continue
        held[count.name] = number
        held[field.name] = [
            raw_values(field.fields, dice) if field.fields else raw_value(field, dice) for _ in range(number)
        ]
    return held


def items(edition, dice):
    """Return information items in any order, some twice, with makers' own and a signature at the end."""
    rules = layout(edition)
    found = []
    for _ in range(dice.randint(0, 7)):
        if dice.random() < 0.15:
            found.append((dice.randint(0x80, 0xFE), {"data": dice.randbytes(dice.randint(0, 20))}))
        else:
            code = dice.choice(list(rules.items))
            found.append((code, raw_values(rules.items[code].fields, dice)))
    if rules.signature and dice.random() < 0.5:
        found.append((SIGNATURE, {"algorithm": dice.randint(1, 3), "r": dice.randbytes(32), "s": b"\1\2"}))
    return found


def moment(dice):
    """Return six bytes of a time, not always one of the calendar."""
    if dice.random() < 0.1:
        return dice.randbytes(6)
    return bytes([dice.randint(0, 99), dice.randint(1, 12), dice.randint(1, 31), *(dice.randrange(60),) * 3])


@st.composite
def reports(draw):
    """Give a report whose structure is right."""
    dice = random.Random(draw(st.integers(0, 2**32)))
    edition = draw(st.sampled_from(EDITIONS))
    record = {"time": moment(dice)}
    return make_frame(edition, dice.choice((2, 3)), VIN, record, items(edition, dice))


@st.composite
def torn_reports(draw):
    """Give a report whose check is right, but whose items were cut, or changed, or are anything."""
    frame = draw(reports())
    unit = bytearray(frame[24:-1])
    dice = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(dice.randint(1, 3)):
        if len(unit) > 6:
            unit[dice.randrange(6, len(unit))] = dice.choice((0, 1, 7, 9, 0x79, 0x80, 0xFE, 0xFF))
    unit = unit[: dice.choice((len(unit), dice.randint(0, len(unit))))]
    return framed(frame[:2], frame[2], 0xFE, 1, bytes(unit))


@st.composite
def any_frames(draw):
    """Give a frame of any command, answer flag and way of encryption with any data unit."""
    start = draw(st.sampled_from([b"##", b"$$"]))
    command = draw(st.one_of(st.sampled_from([*range(1, 12), 0x80, 0x81, 0x82]), st.integers(0, 255)))
    ack = draw(st.sampled_from([1, 2, 3, 0xFE, 0xFE, 0x77]))
    encryption = draw(st.sampled_from([1, 1, 1, 3, 5, 0xFE, 0x40]))
    return framed(start, command, ack, encryption, draw(st.binary(max_size=90)))


FRAMES = st.one_of(reports(), torn_reports(), any_frames())


@st.composite
def streams(draw):
    """Give frames one after another, some changed, cut, or with bytes between them that look like a start."""
    parts = []
    for frame in draw(st.lists(FRAMES, max_size=7)):
        dice = random.Random(draw(st.integers(0, 2**32)))
        sort = draw(st.sampled_from(["whole"] * 5 + ["flipped", "cut", "junk", "length", "chance"]))
        broken = bytearray(frame)
        if sort == "flipped":
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        elif sort == "cut":
            broken = broken[: dice.randrange(len(broken))]
        elif sort == "junk":
            broken += dice.choice((b"#", b"##", b"$$$", b"##\2\xfe" + bytes(18), dice.randbytes(9)))
        elif sort == "length":
            broken[22:24] = dice.choice((b"\xff\xff", b"\0\0", dice.randbytes(2)))
        elif sort == "chance":  # cut, and the check holds over what follows
            broken = broken[: -dice.randint(1, max(1, len(broken) - 25))]
        parts.append(bytes(broken))
    return b"".join(parts)
