"""
The compiled half of `batch`: one kernel finds frames and items, another fills columns from what it found.

Memory is spoken of by address: an array handed to a helper costs more than its work, and the compiler then
sees plain distances and reads many bytes at a time. The addresses belong to arrays that `batch` holds.
`scan` does what `stream.split` and `frame.read_frame` do, `fill` what `Field.scaled` and `status_of` do.
"""

from __future__ import annotations

from typing import Any, Final

from numba import float32, float64, int16, int32, int64, uint8, uint16, uint64

from voltrail.ledger.lanes import kernel
from voltrail.telematics.gbt32960.frame import ANSWERED_IN_FULL
from voltrail.telematics.gbt32960.layout import COMMAND, SIGNATURE
from voltrail.telematics.gbt32960.memory import (
    CHUNK,
    bytes_chunk,
    load_be16,
    load_be32,
    load_f64,
    load_i32,
    load_i64,
    load_u8,
    load_u16,
    load_u32,
    load_u64,
    store_f32,
    store_f64,
    store_i16,
    store_i32,
    store_i64,
    store_u8,
    store_u16,
    store_u32,
    store_u64,
    words_chunk,
)

BLOCK_ROWS: Final = 256  # so that what was read for one field is still in the cache for the next
SLACK_BYTES: Final = 128  # behind each buffer: a chunk may end so far beyond a list
REST: Final = 256  # the number of a block without one
START, LENGTH, BCC, INSIDE = range(4)  # as `stream.RULES`

# The columns of the tables of `plan`.
COUNTED, FIRST_STRETCH, STRETCHES, OWNER = range(4)
KIND_WIDTH: Final = 4
KIND, HEAD, COUNT_WIDTH, COUNT_MARKED, ELEMENT, FIRST_FIELD, FIELDS, OFFSETS = range(8)
STRETCH_WIDTH: Final = 8
PLACE, OP, RAW_OFFSET, LEAST, TOP, MARKER, BAD_AT, BAD_BIT, MINUS_AT, MINUS_BIT, VALUE, STATUS = range(1, 13)
FIELD_WIDTH: Final = 13

# The places of the addresses that `batch` hands over.
TYPES, TIMED, KINDS, STRETCH, FIELD, DIVISORS, BUFFERS, ACKS, WAYS = range(9)
FOUND, PLACES, OWNERS, BASES, BLOCKS, REFUSED, COUNTS, LAID_OUT, DATA, RECIPES, SCRATCH = range(9, 20)
ADDRESSES: Final = 20
# And of what it is told: how much was found.
N_FRAMES, N_BLOCKS, N_REFUSED, UNREAD, BYTES = range(5)
TOTALS: Final = 5


@kernel
def _opens(byte: Any) -> Any:
    """Whether a start may be made of this byte: # or $."""
    return uint8(byte - uint8(0x23)) < uint8(2)


@kernel
def _said_stop(base: Any, at: Any, size: Any) -> Any:
    """Return where the frame whose start stands here says it ends; -1 without a start and a length."""
    if size - at < 24:
        return -1
    first = load_u8(base, at)
    if not _opens(first) or load_u8(base, at + 1) != first:
        return -1
    return at + 25 + int64(load_be16(base, at + 22))


@kernel
def _checked(base: Any, at: Any, stop: Any) -> Any:
    """Whether the bytes from the command to the check give nothing by exclusive or."""
    begin = at + 2
    words = (stop - begin) >> 3
    told = uint64(0)
    for word in range(words):
        told ^= load_u64(base, begin + 8 * word)
    told ^= told >> uint64(32)
    told ^= told >> uint64(16)
    told ^= told >> uint64(8)
    last = uint8(told)
    for place in range(begin + 8 * words, stop):
        last ^= load_u8(base, place)
    return last == 0


@kernel
def stop_at(base: Any, at: Any, size: Any) -> Any:
    """Return where the frame that stands here ends, -1 if none does."""
    said = _said_stop(base, at, size)
    if said < 0 or said > size or not _checked(base, at, said):
        return -1
    return said


@kernel
def may_start(base: Any, at: Any, size: Any) -> Any:
    """Whether a start stands here, or as much of one as there are bytes left."""
    if at >= size:
        return True
    first = load_u8(base, at)
    return _opens(first) and (at + 1 == size or load_u8(base, at + 1) == first)


@kernel
def _plausible(base: Any, at: Any, size: Any, acks: Any, ways: Any) -> Any:
    return (at + 3 >= size or load_u8(acks, int64(load_u8(base, at + 3))) == 1) and (
        at + 21 >= size or load_u8(ways, int64(load_u8(base, at + 21))) == 1
    )


@kernel
def unfinished_at(base: Any, at: Any, size: Any, acks: Any, ways: Any) -> Any:
    """Whether a frame may stand here whose end has not come yet."""
    if not may_start(base, at, size) or not _plausible(base, at, size, acks, ways):
        return False
    return size - at < 24 or _said_stop(base, at, size) > size


@kernel
def next_place(base: Any, at: Any, end: Any, size: Any, acks: Any, ways: Any) -> Any:
    """Return where the next whole frame with a plausible header begins before `end`, -1 if none does."""
    for place in range(at, min(end, size - 24)):
        first = load_u8(base, place)
        if (
            _opens(first)
            and load_u8(base, place + 1) == first
            and _plausible(base, place, size, acks, ways)
            and stop_at(base, place, size) >= 0
        ):
            return place
    return -1


@kernel
def after_damage(base: Any, at: Any, size: Any, final: Any, acks: Any, ways: Any) -> Any:
    """Return where to go on behind what is no frame."""
    said = _said_stop(base, at, size)
    if said >= 0 and said < size and stop_at(base, said, size) >= 0:
        return said
    place = next_place(base, at + 1, size, size, acks, ways)
    if place >= 0:
        return place
    if not final:
        for other in range(max(at + 1, size - 25 - 0xFFFF), size):
            if unfinished_at(base, other, size, acks, ways):
                return other
    return size


@kernel
def why_refused(base: Any, at: Any, size: Any) -> Any:
    """Return the rule against what stands here."""
    if not may_start(base, at, size):
        return START
    said = _said_stop(base, at, size)
    return LENGTH if said < 0 or said > size else BCC


@kernel
def _count(base: Any, at: Any, width: Any, marked: Any) -> Any:
    """Return what a number of one or two bytes that ends before `at` counts, nothing where it is marked."""
    if width == 1:
        count = int64(load_u8(base, at - 1))
        return 0 if marked and count >= 0xFE else count
    count = int64(load_be16(base, at - 2))
    return 0 if marked and count >= 0xFFFE else count


@kernel
def _rows(base: Any, at: Any, end: Any, counted: Any) -> Any:
    """Return how many rows the item has whose bytes begin here; -1 if it does not say so."""
    if counted == 0:
        return 1
    return -1 if at >= end else _count(base, at + 1, 1, counted == 2)


# A recipe is how the last frame of some length was read: its bytes that say what follows, and what followed.
# A frame of this length with the same such bytes is read by it, without one step waiting for another.
CHECKS, ROWS, NOTES = range(1, 4)  # after a key, how many there are of each
MOST_CHECKS, MOST_ROWS, MOST_NOTES = 64, 64, 8
AT_CHECKS: Final = 4
AT_ROWS: Final = AT_CHECKS + 2 * MOST_CHECKS
AT_NOTES: Final = AT_ROWS + 3 * MOST_ROWS
RECIPE_WIDTH: Final = AT_NOTES + 3 * MOST_NOTES
SLOTS: Final = 256


@kernel
def _slot(recipes: Any, edition: Any, size: Any) -> Any:
    return recipes + 4 * RECIPE_WIDTH * ((2 * size + edition) & (SLOTS - 1))


@kernel
def _more(recipe: Any, what: Any, most: Any) -> Any:
    """Return the next number of something in a recipe; one that grows too long is given up."""
    number = int64(load_i32(recipe, 4 * what))
    if number == most:
        store_i32(recipe, 0, int32(0))
        return most - 1
    store_i32(recipe, what, int32(number + 1))
    return number


@kernel
def _expect(recipe: Any, base: Any, start: Any, at: Any) -> Any:
    """Write into a recipe that the byte at `at` decided something."""
    here = AT_CHECKS + 2 * _more(recipe, CHECKS, MOST_CHECKS)
    store_i32(recipe, here, int32(at - start))
    store_i32(recipe, here + 1, int32(load_u8(base, at)))


@kernel
def _keep(recipe: Any, to: Any, one: Any, two: Any, three: Any) -> None:
    store_i32(recipe, to, int32(one))
    store_i32(recipe, to + 1, int32(two))
    store_i32(recipe, to + 2, int32(three))


@kernel
def _recall(base: Any, at: Any, frame: Any, recipe: Any, given: Any, block: Any) -> Any:
    """Write down items by a recipe; return the next block's number, -1 if it does not apply."""
    for check in range(int64(load_i32(recipe, 4 * CHECKS))):
        here = 4 * (AT_CHECKS + 2 * check)
        if int32(load_u8(base, at + int64(load_i32(recipe, here)))) != load_i32(recipe, here + 4):
            return -1
    counts, places, owners = (
        load_i64(given, 8 * COUNTS),
        load_i64(given, 8 * PLACES),
        load_i64(given, 8 * OWNERS),
    )
    row = 0
    for number in range(int64(load_i32(recipe, 4 * ROWS))):
        here = 4 * (AT_ROWS + 3 * number)
        kind, to = int64(load_i32(recipe, here + 4)), int64(load_i32(recipe, here + 8))
        if kind >= 0:
            row = load_i64(counts, 8 * (1 + kind))
            store_i64(counts, 1 + kind, row + 1)
            store_i32(owners, to + row, int32(frame))
        store_i32(places, to + row, int32(at) + load_i32(recipe, here))
    notes = int64(load_i32(recipe, 4 * NOTES))
    for number in range(notes):
        here = 4 * (AT_NOTES + 3 * number)
        begin = at + int64(load_i32(recipe, here + 4))
        end = begin + int64(load_i32(recipe, here + 8))
        _block(load_i64(given, 8 * BLOCKS), block + number, frame, load_i32(recipe, here), begin, end)
    return block + notes


@kernel
def _item(
    base: Any, start: Any, at: Any, end: Any, rows: Any, kind: Any, given: Any, row: Any, recipe: Any
) -> Any:
    """Write down where the stretches of an item's rows begin; return where it ends, -1 if it does not fit."""
    of, table = load_i64(given, 8 * KINDS) + 8 * KIND_WIDTH * kind, load_i64(given, 8 * STRETCH)
    first, number = load_i64(of, 8 * FIRST_STRETCH), load_i64(of, 8 * STRETCHES)
    places, bases = load_i64(given, 8 * PLACES), load_i64(given, 8 * BASES)
    for turn in range(row, row + rows):
        for stretch in range(first, first + number):
            here = table + 8 * STRETCH_WIDTH * stretch
            head, width = load_i64(here, 8 * HEAD), load_i64(here, 8 * COUNT_WIDTH)
            if at + head > end:
                return -1
            to = load_i64(bases, 8 * stretch)
            store_i32(places, to + turn, int32(at))
            kept = AT_ROWS + 3 * _more(recipe, ROWS, MOST_ROWS)
            _keep(recipe, kept, at - start, kind if stretch == first else -1, to)
            at += head
            if width:
                count = _count(base, at, width, load_i64(here, 8 * COUNT_MARKED))
                for byte in range(at - width, at):
                    _expect(recipe, base, start, byte)
                at += count * load_i64(here, 8 * ELEMENT)
                if at > end:
                    return -1
    return at


@kernel
def _signature(base: Any, at: Any, end: Any) -> Any:
    """Return where the signature ends whose first byte after its mark stands here; -1 if it does not fit."""
    if at + 3 > end:
        return -1
    at += 3 + int64(load_be16(base, at + 1))
    if at + 2 > end:
        return -1
    at += 2 + int64(load_be16(base, at))
    return at if at <= end else -1


@kernel
def _find_signature(base: Any, at: Any, end: Any) -> Any:
    for place in range(at, end - 5):
        if load_u8(base, place) == SIGNATURE:
            way = load_u8(base, place + 1)
            if way >= 1 and way <= 3 and _signature(base, place + 1, end) == end:
                return place
    return -1


@kernel
def _block(blocks: Any, number: Any, frame: Any, code: Any, at: Any, end: Any) -> Any:
    """Write down bytes that are no row: a maker's own, a signature or a rest; return the next number."""
    store_i32(blocks, 4 * number, int32(frame))
    store_i32(blocks, 4 * number + 1, int32(code))
    store_i32(blocks, 4 * number + 2, int32(at))
    store_i32(blocks, 4 * number + 3, int32(end - at))
    return number + 1


@kernel
def _noted(
    blocks: Any, number: Any, frame: Any, code: Any, at: Any, end: Any, start: Any, recipe: Any
) -> Any:
    _keep(recipe, AT_NOTES + 3 * _more(recipe, NOTES, MOST_NOTES), code, at - start, end - at)
    return _block(blocks, number, frame, code, at, end)


@kernel
def _walk(base: Any, start: Any, stop: Any, edition: Any, frame: Any, given: Any, block: Any) -> Any:
    """Write down the items of a report, as `frame._read_items` reads them; return the next block's number."""
    recipe, key = (
        _slot(load_i64(given, 8 * RECIPES), edition, stop - start),
        int32(2 * (stop - start) + edition),
    )
    if load_i32(recipe, 0) == key:
        recalled = _recall(base, start, frame, recipe, given, block)
        if recalled >= 0:
            return recalled
    store_i32(recipe, 0, key)
    for what in range(CHECKS, NOTES + 1):
        store_i32(recipe, what, int32(0))
    codes, counts, blocks = (
        load_i64(given, 8 * TYPES),
        load_i64(given, 8 * COUNTS),
        load_i64(given, 8 * BLOCKS),
    )
    owners, bases = load_i64(given, 8 * OWNERS), load_i64(given, 8 * BASES)
    at, end = start + 30, stop - 1
    while at < end:
        code = int64(load_u8(base, at))
        _expect(recipe, base, start, at)
        kind = load_i64(codes, 8 * (256 * edition + code))
        after = -1
        if kind >= 0:
            of = load_i64(given, 8 * KINDS) + 8 * KIND_WIDTH * kind
            counted = load_i64(of, 8 * COUNTED)
            rows = _rows(base, at + 1, end, counted)
            if rows >= 0:
                if counted:
                    _expect(recipe, base, start, at + 1)
                row = load_i64(counts, 8 * (1 + kind))
                after = _item(base, start, at + 1 + (counted > 0), end, rows, kind, given, row, recipe)
            if after >= 0:
                owner = load_i64(bases, 8 * load_i64(of, 8 * FIRST_STRETCH))
                for turn in range(row, row + rows):
                    store_i32(owners, owner + turn, int32(frame))
                store_i64(counts, 1 + kind, row + rows)
        elif kind == -2:
            if at + 3 <= end:
                after = at + 3 + int64(load_be16(base, at + 1))
                _expect(recipe, base, start, at + 1)
                _expect(recipe, base, start, at + 2)
            if after > end:
                after = -1
            if after >= 0:
                block = _noted(blocks, block, frame, code, at, after, start, recipe)
        elif kind == -3:
            after = _signature(base, at + 1, end)
            if after >= 0:
                second = at + 4 + int64(load_be16(base, at + 2))
                for byte in (at + 2, at + 3, second, second + 1):
                    _expect(recipe, base, start, byte)
                block = _noted(blocks, block, frame, code, at, after, start, recipe)
                at = after
                break
        if after < 0:
            store_i32(recipe, 0, int32(0))
            place = _find_signature(base, at, end) if edition == 1 else -1
            if place >= 0:
                if place > at:
                    block = _block(blocks, block, frame, REST, at, place)
                return _block(blocks, block, frame, SIGNATURE, place, end)
            break
        at = after
    return _noted(blocks, block, frame, REST, at, end, start, recipe) if at < end else block


@kernel
def _lay_out(given: Any, kinds: Any, stretches: Any, buffers: Any) -> Any:
    """Count list elements and offsets, give each buffer its place in the block; return how long that is."""
    counts, table = load_i64(given, 8 * COUNTS), load_i64(given, 8 * STRETCH)
    bases, laid_out = load_i64(given, 8 * BASES), load_i64(given, 8 * LAID_OUT)
    base, places = load_i64(given, 8 * DATA), load_i64(given, 8 * PLACES)
    for kind in range(kinds):
        store_i64(counts, 1 + kinds + kind, load_i64(counts, 8 * (1 + kind)) + 1)
    for stretch in range(stretches):
        here = 8 * STRETCH_WIDTH * stretch
        width, elements = load_i64(table, here + 8 * COUNT_WIDTH), 0
        if width:
            marked, head = load_i64(table, here + 8 * COUNT_MARKED), load_i64(table, here + 8 * HEAD)
            first = load_i64(bases, 8 * stretch)
            for row in range(load_i64(counts, 8 * (1 + load_i64(table, here + 8 * KIND)))):
                at = int64(load_i32(places, 4 * (first + row))) + head
                elements += _count(base, at, width, marked)
        store_i64(counts, 1 + 2 * kinds + stretch, elements)
    table, end = load_i64(given, 8 * BUFFERS), 0
    for buffer in range(buffers):
        store_i64(laid_out, buffer, end)
        size = load_i64(counts, 8 * load_i64(table, 16 * buffer)) * load_i64(table, 16 * buffer + 8)
        end += (size + SLACK_BYTES + 63) & -64
    return end


@kernel
def scan(
    base: Any, size: Any, final: Any, given: Any, kinds: Any, stretches: Any, buffers: Any, totals: Any
) -> None:
    """Find frames, items and damage in `size` bytes, lay out the columns, and say how much it was."""
    acks, ways, found = load_i64(given, 8 * ACKS), load_i64(given, 8 * WAYS), load_i64(given, 8 * FOUND)
    timed, counts, refused = (
        load_i64(given, 8 * TIMED),
        load_i64(given, 8 * COUNTS),
        load_i64(given, 8 * REFUSED),
    )
    for kind in range(kinds):
        store_i64(counts, 1 + kind, 0)
    at, frames, blocks, damages = 0, 0, 0, 0
    while at < size:
        stop = stop_at(base, at, size)
        rule, following = -1, -1
        if stop < 0:
            if not final and unfinished_at(base, at, size, acks, ways):
                break
            rule, following = why_refused(base, at, size), after_damage(base, at, size, final, acks, ways)
        elif not may_start(base, stop, size):
            following = next_place(base, at + 1, stop, size, acks, ways)
            rule = INSIDE
        if following >= 0:
            store_i32(refused, 3 * damages, int32(at))
            store_i32(refused, 3 * damages + 1, int32(following))
            store_i32(refused, 3 * damages + 2, int32(rule))
            damages += 1
            at = following
            continue
        edition = int64(load_u8(base, at)) - 0x23
        store_i32(found, 2 * frames, int32(at))
        store_i32(found, 2 * frames + 1, int32(stop - at))
        if (
            load_i64(timed, 8 * (256 * edition + int64(load_u8(base, at + 2)))) == 2
            and load_u8(base, at + 3) == COMMAND
            and load_u8(base, at + 21) == 1
        ):
            if stop - at >= 31:
                blocks = _walk(base, at, stop, edition, frames, given, blocks)
            elif stop - at > 25:
                blocks = _block(load_i64(given, 8 * BLOCKS), blocks, frames, REST, at + 24, stop - 1)
        frames += 1
        at = stop
    store_i64(counts, 0, frames)
    totals[N_FRAMES], totals[N_BLOCKS], totals[N_REFUSED], totals[UNREAD] = frames, blocks, damages, at
    totals[BYTES] = _lay_out(given, kinds, stretches, buffers)


@kernel
def seconds_at(base: Any, at: Any) -> Any:
    """Return the seconds since 1970 of six bytes of Beijing's time; a number below zero if it is no time."""
    year, month, day = int64(load_u8(base, at)), int64(load_u8(base, at + 1)), int64(load_u8(base, at + 2))
    hour, minute, second = (
        int64(load_u8(base, at + 3)),
        int64(load_u8(base, at + 4)),
        int64(load_u8(base, at + 5)),
    )
    leap = year % 4 == 0  # from 2000 to 2099
    length = 30 + ((month + (month >> 3)) & 1)
    if month == 2:
        length = 28 + leap
    if year > 99 or month < 1 or month > 12 or day < 1 or day > length:
        return -1
    if hour > 23 or minute > 59 or second > 59:
        return -1
    shifted = (month + 9) % 12  # counted from March, so that the leap day comes last
    years = 2000 + year - (shifted >= 10)
    days = (
        365 * years + years // 4 - years // 100 + years // 400 + (153 * shifted + 2) // 5 + day - 1 - 719468
    )
    return 86400 * days + 3600 * hour + 60 * minute + second - 28800


@kernel
def _fill_frames(base: Any, frames: Any, given: Any, block: Any) -> None:
    """Fill the columns of `plan.FRAME_BUFFERS`."""
    found, timed, laid_out = (
        load_i64(given, 8 * FOUND),
        load_i64(given, 8 * TIMED),
        load_i64(given, 8 * LAID_OUT),
    )
    offsets, sizes = block + load_i64(laid_out, 0), block + load_i64(laid_out, 8)
    editions, commands = block + load_i64(laid_out, 16), block + load_i64(laid_out, 24)
    acks, ways = block + load_i64(laid_out, 32), block + load_i64(laid_out, 40)
    vins, times, statuses = (
        block + load_i64(laid_out, 48),
        block + load_i64(laid_out, 56),
        block + load_i64(laid_out, 64),
    )
    for frame in range(frames):
        at, size = int64(load_i32(found, 8 * frame)), int64(load_i32(found, 8 * frame + 4))
        edition, command = int64(load_u8(base, at)) - 0x23, load_u8(base, at + 2)
        ack, way = load_u8(base, at + 3), load_u8(base, at + 21)
        store_i32(offsets, frame, int32(at))
        store_i32(sizes, frame, int32(size))
        store_u16(editions, frame, uint16(2016 + 9 * edition))
        store_u8(commands, frame, command)
        store_u8(acks, frame, ack)
        store_u8(ways, frame, way)
        store_u64(vins + 17 * frame, 0, load_u64(base, at + 4))
        store_u64(vins + 17 * frame, 1, load_u64(base, at + 12))
        store_u8(vins, 17 * frame + 16, load_u8(base, at + 20))
        seconds, status = int64(0), 2
        in_full = command in ANSWERED_IN_FULL
        has = load_i64(timed, 8 * (256 * edition + int64(command))) > 0 or (ack != COMMAND and not in_full)
        if has and way == 1 and size >= 31:
            seconds = seconds_at(base, at + 24)
            status = 3 if seconds < 0 else 0
            seconds = max(seconds, int64(0))
        store_i64(times, frame, seconds)
        store_u8(statuses, frame, uint8(status))


@kernel
def _statuses_8(raws: Any, status: Any, count: Any, field: Any) -> None:
    """Do for raw values of one byte what `Field.status_of` does."""
    least, top = uint16(load_i64(field, 8 * LEAST)), uint16(load_i64(field, 8 * TOP))
    marker = uint16(min(load_i64(field, 8 * MARKER), 0x1000))
    for row in range(count):
        raw = uint16(load_u8(raws, row))
        said = uint16(3) if raw < least or raw > top else uint16(0)
        store_u8(status, row, uint8(uint16(raw + uint16(1) - marker) if raw >= marker else said))


@kernel
def _statuses_16(raws: Any, status: Any, count: Any, field: Any) -> None:
    """Do the same for raw values of two bytes."""
    least, top = uint16(load_i64(field, 8 * LEAST)), uint16(load_i64(field, 8 * TOP))
    marked = uint16(0xFFFE) if load_i64(field, 8 * MARKER) == 0xFFFE else uint16(0xFFFF)
    bump = uint16(marked == uint16(0xFFFE))
    for row in range(count):
        raw = load_u16(raws, 2 * row)
        said = uint16(3) if raw < least or raw > top else uint16(0)
        above = uint16(raw - uint16(0xFFFD)) if bump else said
        store_u8(status, row, uint8(above if raw >= marked else said))


@kernel
def _statuses_32(raws: Any, status: Any, count: Any, field: Any) -> None:
    """Do the same for raw values of four bytes."""
    least, top = load_i64(field, 8 * LEAST), load_i64(field, 8 * TOP)
    marker = load_i64(field, 8 * MARKER)
    for row in range(count):
        raw = int64(load_u32(raws, 4 * row))
        said = 3 if raw < least or raw > top else 0
        store_u8(status, row, uint8(raw + 1 - marker if raw >= marker else said))


@kernel
def _scalars(
    base: Any,
    places: Any,
    count: Any,
    at: Any,
    field: Any,
    divisor: Any,
    value: Any,
    status: Any,
    scratch: Any,
) -> None:
    """
    Fill rows of one field: first its raw values side by side, then what follows from them, many at a time.

    Where a value is its raw value they are written where they belong at once, else into `scratch`.
    """
    op, offset, inverse = load_i64(field, 8 * OP), load_i64(field, 8 * RAW_OFFSET), 1.0 / divisor
    wide, way = op & 3, op >> 2
    raws = value if way == 0 else scratch
    if wide == 0:
        for row in range(count):
            store_u8(raws, row, load_u8(base, int64(load_i32(places, 4 * row)) + at))
        if status:
            _statuses_8(raws, status, count, field)
    elif wide == 1:
        for row in range(count):
            store_u16(raws, row, load_be16(base, int64(load_i32(places, 4 * row)) + at))
        if status:
            _statuses_16(raws, status, count, field)
    else:
        for row in range(count):
            store_u32(raws, row, load_be32(base, int64(load_i32(places, 4 * row)) + at))
        if status:
            _statuses_32(raws, status, count, field)
    if way == 0:
        return
    if way == 1 and wide == 0:
        for row in range(count):
            store_i16(value, row, int16(int16(load_u8(raws, row)) + int16(offset)))
    elif way == 1:
        for row in range(count):
            store_i32(value, row, int32(int32(load_u16(raws, 2 * row)) + int32(offset)))
    elif wide == 0:
        for row in range(count):
            # Rounded to 32 bits, the product is the quotient: see the test of all raw values.
            store_f32(value, row, float32(float64(int32(load_u8(raws, row)) + int32(offset)) * inverse))
    elif wide == 1:
        for row in range(count):
            store_f32(value, row, float32(float64(int32(load_u16(raws, 2 * row)) + int32(offset)) * inverse))
    else:
        for row in range(count):
            store_f64(value, row, float64(int64(load_u32(raws, 4 * row)) + offset) / divisor)


@kernel
def _minus_bits(base: Any, places: Any, first: Any, last: Any, at: Any, bit: Any, value: Any) -> None:
    """Turn the sign of what a bit says is south or west."""
    for row in range(first, last):
        if (load_u8(base, int64(load_i32(places, 4 * row)) + at) >> uint8(bit)) & 1:
            store_f64(value, row, -load_f64(value, 8 * row))


@kernel
def _bad_bits(base: Any, places: Any, first: Any, last: Any, at: Any, bit: Any, status: Any) -> None:
    """Mark as invalid what a bit says is so."""
    for row in range(first, last):
        if (load_u8(base, int64(load_i32(places, 4 * row)) + at) >> uint8(bit)) & 1:
            store_u8(status, row, uint8(2))


@kernel
def _byte(
    base: Any, at: Any, to: Any, offset: Any, least: Any, top: Any, marker: Any, value: Any, status: Any
) -> None:
    """Fill one list element of one byte: a temperature."""
    raw = uint16(load_u8(base, at))
    store_i16(value, to, int16(int16(raw) + offset))
    said = uint16(3) if raw < least or raw > top else uint16(0)
    store_u8(status, to, uint8(uint16(raw + uint16(1) - marker) if raw >= marker else said))


@kernel
def _word(base: Any, at: Any, to: Any, least: Any, top: Any, value: Any, status: Any) -> None:
    """Fill one list element of two bytes: a cell, which may be marked, or an alarm with its level."""
    raw = load_be16(base, at)
    store_u16(value, to, raw)
    said = uint16(3) if raw < least or raw > top else uint16(0)
    store_u8(status, to, uint8(uint16(raw - uint16(0xFFFD)) if raw >= uint16(0xFFFE) else said))


@kernel
def _lists(
    base: Any, size: Any, places: Any, first: Any, last: Any, to: Any, stretch: Any, field: Any, ends: Any,
    value: Any, status: Any,
) -> Any:  # fmt: skip
    """Fill the lists of some rows and where they end; return how many elements there are up to here."""
    width, marked = load_i64(stretch, 8 * COUNT_WIDTH), load_i64(stretch, 8 * COUNT_MARKED)
    head, element = load_i64(stretch, 8 * HEAD), load_i64(stretch, 8 * ELEMENT)
    least, top = uint16(load_i64(field, 8 * LEAST)), uint16(load_i64(field, 8 * TOP))
    offset, marker = int16(load_i64(field, 8 * RAW_OFFSET)), uint16(min(load_i64(field, 8 * MARKER), 0x1000))
    for row in range(first, last):
        here = int64(load_i32(places, 4 * row)) + head
        count = _count(base, here, width, marked)
        whole = here + element * (count + CHUNK) <= size  # else a chunk might look beyond the last byte
        if element == 2 and status and whole:
            for begin in range(0, count, CHUNK):
                words_chunk(
                    base, here + 2 * begin, to + begin, uint16(0), least, top, uint16(0xFFFE), value, status
                )
        elif element == 1 and whole:
            for begin in range(0, count, CHUNK):
                bytes_chunk(base, here + begin, to + begin, uint16(offset), least, top, marker, value, status)
        elif element == 4:
            for place in range(count):
                store_u32(value, to + place, load_be32(base, here + 4 * place))
        elif element == 1:
            for place in range(count):
                _byte(base, here + place, to + place, offset, least, top, marker, value, status)
        elif status:
            for place in range(count):
                _word(base, here + 2 * place, to + place, least, top, value, status)
        else:
            for place in range(count):
                store_u16(value, to + place, load_be16(base, here + 2 * place))
        to += count
        store_i32(ends, row + 1, int32(to))
    return to


@kernel
def fill(base: Any, size: Any, given: Any, stretches: Any, kinds: Any, block: Any) -> None:
    """Fill every column of what `scan` found, into the memory at `block`."""
    counts, table = load_i64(given, 8 * COUNTS), load_i64(given, 8 * STRETCH)
    fields, divisors = load_i64(given, 8 * FIELD), load_i64(given, 8 * DIVISORS)
    buffers, scratch = load_i64(given, 8 * BUFFERS), load_i64(given, 8 * SCRATCH)
    bases, laid_out = load_i64(given, 8 * BASES), load_i64(given, 8 * LAID_OUT)
    _fill_frames(base, load_i64(counts, 0), given, block)
    for kind in range(kinds):
        of = load_i64(given, 8 * KINDS) + 8 * KIND_WIDTH * kind
        owners = load_i64(given, 8 * OWNERS) + 4 * load_i64(bases, 8 * load_i64(of, 8 * FIRST_STRETCH))
        to = block + load_i64(laid_out, 8 * load_i64(of, 8 * OWNER))
        for row in range(load_i64(counts, 8 * (1 + kind))):
            store_i32(to, row, load_i32(owners, 4 * row))
    for number in range(stretches):
        stretch = table + 8 * STRETCH_WIDTH * number
        rows = load_i64(counts, 8 * (1 + load_i64(stretch, 8 * KIND)))
        places = load_i64(given, 8 * PLACES) + 4 * load_i64(bases, 8 * number)
        listed, elements = load_i64(stretch, 8 * OFFSETS), 0
        ends = block + load_i64(laid_out, 8 * max(listed, 0))
        if listed >= 0:
            store_i32(ends, 0, int32(0))
        begin = load_i64(stretch, 8 * FIRST_FIELD)
        count = load_i64(stretch, 8 * FIELDS)
        for first in range(0, rows, BLOCK_ROWS):
            last = min(first + BLOCK_ROWS, rows)
            for one in range(begin, begin + count + (listed >= 0)):
                field = fields + 8 * FIELD_WIDTH * one
                value = block + load_i64(laid_out, 8 * load_i64(field, 8 * VALUE))
                status = load_i64(field, 8 * STATUS)
                status = block + load_i64(laid_out, 8 * status) if status >= 0 else 0
                at = load_i64(field, 8 * PLACE)
                if one == begin + count:
                    elements = _lists(
                        base, size, places, first, last, elements, stretch, field, ends, value, status
                    )
                else:
                    item = load_i64(buffers, 16 * load_i64(field, 8 * VALUE) + 8)
                    _scalars(
                        base,
                        places + 4 * first,
                        last - first,
                        at,
                        field,
                        float64(load_i64(divisors, 8 * one)),
                        value + item * first,
                        status + first if status else 0,
                        scratch,
                    )
                    minus, bad = load_i64(field, 8 * MINUS_BIT), load_i64(field, 8 * BAD_BIT)
                    if minus >= 0:
                        _minus_bits(
                            base, places, first, last, at + load_i64(field, 8 * MINUS_AT), minus, value
                        )
                    if bad >= 0:
                        _bad_bits(base, places, first, last, at + load_i64(field, 8 * BAD_AT), bad, status)
