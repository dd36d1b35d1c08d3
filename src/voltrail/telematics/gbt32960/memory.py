"""
Memory by address, for kernels: numbers in the order of the network or our own, lists by the chunk.

An address is a whole number, and so is a distance from it; kept apart, the compiler sees that neighbours are
neighbours and reads many at once. Nothing here looks whether memory is there: whoever calls does.
"""
# ruff: noqa: ARG001 - numba looks at the names of arguments

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

CHUNK: Final = 32  # list elements at once


def _pointer(builder: Any, base: Any, index: Any, number: Any) -> Any:
    byte = builder.gep(builder.inttoptr(base, ir.IntType(8).as_pointer()), [index])
    return builder.bitcast(byte, number.as_pointer())


def _loader(bits: int, held: Any, *, swapped: bool) -> Any:
    """Return what loads a number from `index` bytes behind an address, big-endian if `swapped`."""

    def load(_typing: Any, base: Any, index: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            number = ir.DoubleType() if str(held) == "float64" else ir.IntType(bits)
            value = builder.load(_pointer(builder, args[0], args[1], number))
            value.align = 1
            return builder.bswap(value) if swapped else value

        return held(types.int64, types.int64), generate

    return intrinsic(load)


def _storer(bits: int, held: Any) -> Any:
    """Return what stores a number at place `index` of an array of such numbers."""

    def store(_typing: Any, base: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
            numbers = {"float32": ir.FloatType(), "float64": ir.DoubleType()}
            of = numbers.get(str(held), ir.IntType(bits))
            start = builder.inttoptr(args[0], of.as_pointer())
            stored = builder.store(args[2], builder.gep(start, [args[1]]))
            stored.align = 1
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, held), generate

    return intrinsic(store)


def _splat(builder: Any, number: Any, of: Any) -> Any:
    """Return a vector of one number."""
    one = builder.insert_element(ir.Constant(of, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    same = ir.Constant(ir.VectorType(ir.IntType(32), of.count), [0] * of.count)
    return builder.shuffle_vector(one, ir.Constant(of, ir.Undefined), same)


def _chunk(bits: int) -> Any:
    """
    Return what fills `CHUNK` list elements and their statuses with a handful of vector instructions.

    Written as such, since a loop of this length is unrolled by the compiler before it looks for vectors.
    """
    words = ir.VectorType(ir.IntType(16), CHUNK)

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        base, at, to, offset, least, top, marker, value, status = args
        place = _pointer(builder, base, at, ir.VectorType(ir.IntType(bits), CHUNK))
        raw = builder.load(place)
        raw.align = 1
        if bits == 8:
            raw = builder.zext(raw, words)
        else:
            eight = ir.Constant(words, [8] * CHUNK)
            raw = builder.or_(builder.shl(raw, eight), builder.lshr(raw, eight))
        twice = builder.mul(to, ir.Constant(ir.IntType(64), 2))
        scaled = builder.add(raw, _splat(builder, offset, words))
        builder.store(scaled, _pointer(builder, value, twice, words)).align = 1
        low = builder.icmp_unsigned("<", raw, _splat(builder, least, words))
        high = builder.icmp_unsigned(">", raw, _splat(builder, top, words))
        three, none = (ir.Constant(words, [number] * CHUNK) for number in (3, 0))
        said = builder.select(builder.or_(low, high), three, none)
        marked = _splat(builder, marker, words)
        above = builder.add(builder.sub(raw, marked), ir.Constant(words, [1] * CHUNK))
        said = builder.select(builder.icmp_unsigned(">=", raw, marked), above, said)
        narrow = ir.VectorType(ir.IntType(8), CHUNK)
        builder.store(builder.trunc(said, narrow), _pointer(builder, status, to, narrow)).align = 1
        return context.get_dummy_value()

    def fill(
        _typing: Any,
        base: Any,
        at: Any,
        to: Any,
        offset: Any,
        least: Any,
        top: Any,
        marker: Any,
        value: Any,
        status: Any,
    ) -> Any:
        held = (types.int64,) * 3 + (types.uint16,) * 4 + (types.int64,) * 2
        return types.void(*held), generate

    return intrinsic(fill)


bytes_chunk, words_chunk = _chunk(8), _chunk(16)
load_u8 = _loader(8, types.uint8, swapped=False)
load_be16 = _loader(16, types.uint16, swapped=True)
load_be32 = _loader(32, types.uint32, swapped=True)
load_i32 = _loader(32, types.int32, swapped=False)
load_i64 = _loader(64, types.int64, swapped=False)
load_f64 = _loader(64, types.float64, swapped=False)
load_u16 = _loader(16, types.uint16, swapped=False)
load_u32 = _loader(32, types.uint32, swapped=False)
load_u64 = _loader(64, types.uint64, swapped=False)
store_u8 = _storer(8, types.uint8)
store_u16 = _storer(16, types.uint16)
store_u32 = _storer(32, types.uint32)
store_i16 = _storer(16, types.int16)
store_i32 = _storer(32, types.int32)
store_i64 = _storer(64, types.int64)
store_u64 = _storer(64, types.uint64)
store_f32 = _storer(32, types.float32)
store_f64 = _storer(64, types.float64)
