"""Sixteen points or boxes at a time: vector instructions where numba's own loops stay scalar.

Distances travel as the bits of a float32 read as an int32: for numbers >= 0 the order is the same, integer
minima need no rule for NaN (which is above infinity), and -1 is below every distance. LLVM splits the sixteen
lanes into whatever the processor has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 16
INFINITY = int(np.float32(np.inf).view(np.int32))
"""Bits of the float32 infinity."""

_INT, _FLOAT = ir.IntType(32), ir.FloatType()
_INTS, _FLOATS = ir.VectorType(_INT, LANES), ir.VectorType(_FLOAT, LANES)


def _instruction(generator: Callable[..., Any]) -> Callable[..., Any]:
    """A function of kernels that is written in LLVM's language instead of Python."""
    function: Callable[..., Any] = intrinsic(generator)
    return function


@_instruction
def point_distances(
    typing: Any, planes: Any, block: Any, x: Any, y: Any, z: Any, out: Any, place: Any
) -> Any:
    """Bits of the squared distances to points 16 * block + (0 to 15), into block `place` of `out`, int32.

    Returns the least.

    `planes` is (3, 16 * blocks) float32, contiguous. Rounds as ((dx * dx + dy * dy) + dz * dz).
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        load = _rows(context, builder, signature, arguments)
        gaps = [builder.fsub(_splat(builder, centre), load(row)) for row, centre in enumerate(arguments[2:5])]
        return _store(context, builder, signature, arguments, _squares(builder, gaps))

    return types.int32(planes, types.intp, x, y, z, out, types.intp), generate


@_instruction
def box_distances(typing: Any, boxes: Any, block: Any, x: Any, y: Any, z: Any, out: Any, place: Any) -> Any:
    """As `point_distances`, to the nearest place of boxes: (6, 16 * blocks) lower and upper x, y, z.

    Rounding is monotone, so this never exceeds the rounded distance to a point inside the box.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        load = _rows(context, builder, signature, arguments)
        zero = _splat(builder, ir.Constant(_FLOAT, 0.0))
        gaps = []
        for axis, centre in enumerate(arguments[2:5]):
            place = _splat(builder, centre)
            below = builder.fsub(load(2 * axis), place)
            above = builder.fsub(place, load(2 * axis + 1))
            gaps.append(_larger(builder, zero, _larger(builder, below, above)))
        return _store(context, builder, signature, arguments, _squares(builder, gaps))

    return types.int32(boxes, types.intp, x, y, z, out, types.intp), generate


@_instruction
def lanes_within(typing: Any, distances: Any, block: Any, bound: Any) -> Any:
    """One bit for each of distances[16 * block + (0 to 15)] that is <= bound; all int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], arguments[0], 0, arguments[1], _INTS)
        below = builder.icmp_signed("<=", builder.load(pointer, align=4), _splat(builder, arguments[2]))
        return builder.zext(builder.bitcast(below, ir.IntType(LANES)), _INT)

    return types.int32(distances, types.intp, types.int32), generate


@_instruction
def lowest_lane(typing: Any, mask: Any) -> Any:
    """Place of the lowest set bit of a mask that has one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1)), ir.IntType(64))

    return types.intp(types.int32), generate


def _rows(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Loads the sixteen numbers of one row of the first argument."""

    def load(row: int) -> Any:
        pointer = _pointer(context, builder, signature.args[0], arguments[0], row, arguments[1], _FLOATS)
        return builder.load(pointer, align=4)

    return load


def _pointer(context: Any, builder: Any, kind: Any, value: Any, row: int, block: Any, vector: Any) -> Any:
    array = context.make_array(kind)(context, builder, value)
    place = builder.mul(block, ir.Constant(block.type, LANES))
    if row:
        columns = builder.extract_value(array.shape, 1)
        place = builder.add(place, builder.mul(columns, ir.Constant(block.type, row)))
    return builder.bitcast(builder.gep(array.data, [place]), vector.as_pointer())


def _squares(builder: Any, gaps: list[Any]) -> Any:
    x, y, z = (builder.fmul(gap, gap) for gap in gaps)
    bits = builder.bitcast(builder.fadd(builder.fadd(x, y), z), _INTS)
    return builder.and_(bits, _splat(builder, ir.Constant(_INT, 0x7FFFFFFF)))  # NaN may come with a sign


def _store(context: Any, builder: Any, signature: Any, arguments: Any, bits: Any) -> Any:
    pointer = _pointer(context, builder, signature.args[5], arguments[5], 0, arguments[6], _INTS)
    builder.store(bits, pointer, align=4)
    declare: Any = cgutils.get_or_insert_function
    kind = ir.FunctionType(_INT, [_INTS])
    return builder.call(declare(builder.module, kind, f"llvm.vector.reduce.smin.v{LANES}i32"), [bits])


def _splat(builder: Any, value: Any) -> Any:
    vector = ir.VectorType(value.type, LANES)
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), ir.Constant(_INTS, None))


def _larger(builder: Any, first: Any, second: Any) -> Any:
    """`second` where either is NaN."""
    return builder.select(builder.fcmp_ordered(">", first, second), first, second)
