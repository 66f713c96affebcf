"""LLVM code for vectors of floats: what the functions of `vector.py` are written in.

Every function here adds instructions at the builder's place and returns their result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llvmlite import ir
from numba.core import cgutils

LANES = 16
"""Numbers in one vector; the compiler cuts it to what the processor has."""
FAST = ("reassoc", "contract", "nsz")


class Sums:
    """The sums of the numbers of some vectors. Pairs are folded together as they come, so that few are held at a time."""

    def __init__(self, builder: Any) -> None:
        self.builder, self.vectors = builder, list[Any]()
        self.folded: list[tuple[int, Any]] = []

    def add(self, vector: Any) -> None:
        """One more vector."""
        self.vectors.append(vector)
        self.folded.append((0, vector))
        while len(self.folded) > 1 and self.folded[-1][0] == self.folded[-2][0]:
            (level, a), (_, b) = self.folded[-2:]
            self.folded[-2:] = [(level + 1, fold(self.builder, a, b))]

    def all(self, count: int) -> Any:
        """A vector of the sums of the `count` vectors."""
        if count == self.vectors[0].type.count:
            return self.folded[0][1]
        result = ir.Constant(ir.VectorType(ir.FloatType(), count), ir.Undefined)
        for n, vector in enumerate(self.vectors):
            result = self.builder.insert_element(result, sum_of(self.builder, vector), ir.Constant(ir.IntType(32), n))
        return result


def fold(builder: Any, a: Any, b: Any) -> Any:
    """Sums of neighbours in a, then in b: after log2(width) folds of as many vectors as they are wide, each one's sum."""
    even, odd = (builder.shuffle_vector(a, b, indices(range(first, 2 * a.type.count, 2))) for first in (0, 1))
    return builder.fadd(even, odd, flags=FAST)


def dot(builder: Any, a: list[Any], b: list[Any]) -> Any:
    """Products of the vectors' numbers, added up to the width of one vector."""
    total = None
    for x, y in zip(a, b, strict=True):
        total = join(builder, total, builder.fmul(x, y, flags=FAST))
    return total


def parts_of(D: int, data: Any) -> tuple[list[tuple[int, int]], bool]:
    """(start, width) of the parts of D numbers, and whether each comes split into its even and odd numbers.

    Two neighbours in bf16 are one word: a shift makes one a float, a mask the other, which is half the work of widening
    them in order.
    """
    if isinstance(data.type.pointee, ir.FloatType) or D % (2 * LANES):
        return chunks(D), False
    return [(d, 2 * LANES) for d in range(0, D, 2 * LANES)], True


def fetch(builder: Any, data: Any, offset: Any, width: int, split: bool) -> list[Any]:
    """`width` numbers as a vector of floats, or two if split: the even ones and the odd ones."""
    if not split:
        return [load(builder, data, offset, width)]
    half = width // 2
    if isinstance(data.type.pointee, ir.FloatType):
        a, b = (load(builder, data, builder.add(offset, integer(n)), half) for n in (0, half))
        return [builder.shuffle_vector(a, b, indices(range(first, width, 2))) for first in (0, 1)]
    words = ir.VectorType(ir.IntType(32), half)
    pair = builder.load(builder.bitcast(builder.gep(data, [offset]), words.as_pointer()), align=2)
    shift, mask = (ir.Constant(words, [n] * half) for n in (16, 0xFFFF0000))
    floats = ir.VectorType(ir.FloatType(), half)
    return [builder.bitcast(x, floats) for x in (builder.shl(pair, shift), builder.and_(pair, mask))]


def put(builder: Any, vectors: list[Any], data: Any, offset: Any, split: bool) -> None:
    """Store floats as `fetch` found them."""
    if split:
        half = vectors[0].type.count
        order = [n // 2 + n % 2 * half for n in range(2 * half)]
        vectors = [builder.shuffle_vector(*vectors, indices(part)) for part in (order[:half], order[half:])]
    for n, vector in enumerate(vectors):
        store(builder, vector, data, builder.add(offset, integer(n * vector.type.count)))


def indices(numbers: Iterable[int]) -> ir.Constant:
    listed = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(listed)), listed)


def chunks(D: int) -> list[tuple[int, int]]:
    """(start, width) of the vectors that make up D numbers."""
    return [(d, min(LANES, D - d)) for d in range(0, D, LANES)]


def integer(n: int) -> ir.Constant:
    return ir.Constant(ir.IntType(64), n)


def array_of(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array)


def data_of(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return array_of(context, builder, array_type, array).data


def load(builder: Any, data: Any, offset: Any, width: int) -> Any:
    """`width` numbers as floats; uint16 are the bits of bf16."""
    pointer = builder.gep(data, [offset])
    element = data.type.pointee
    vector = builder.load(builder.bitcast(pointer, ir.VectorType(element, width).as_pointer()), align=2)
    if isinstance(element, ir.FloatType):
        return vector
    wide = ir.VectorType(ir.IntType(32), width)
    shifted = builder.shl(builder.zext(vector, wide), ir.Constant(wide, [16] * width))
    return builder.bitcast(shifted, ir.VectorType(ir.FloatType(), width))


def store(builder: Any, vector: Any, data: Any, offset: Any) -> None:
    builder.store(vector, builder.bitcast(builder.gep(data, [offset]), vector.type.as_pointer()), align=4)


def spread(builder: Any, number: Any, width: int) -> Any:
    """A vector of `width` copies of a number."""
    one = builder.insert_element(
        ir.Constant(ir.VectorType(ir.FloatType(), width), ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
    )
    mask = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(one, one, mask)


def join(builder: Any, total: Any, part: Any) -> Any:
    """The sum of vectors, the second no wider than the first."""
    if total is None:
        return part
    if total.type.count != part.type.count:
        zero = ir.Constant(part.type, [0.0] * part.type.count)
        mask = ir.Constant(
            ir.VectorType(ir.IntType(32), total.type.count),
            [min(n, part.type.count) for n in range(total.type.count)],
        )
        part = builder.shuffle_vector(part, zero, mask)
    return builder.fadd(total, part, flags=FAST)


def sum_of(builder: Any, vector: Any) -> Any:
    return reduce(builder, "fadd", [ir.Constant(ir.FloatType(), 0.0), vector])


def reduce(builder: Any, operation: str, arguments: list[Any]) -> Any:
    name = f"llvm.vector.reduce.{operation}.v{arguments[-1].type.count}f32"
    signature = ir.FunctionType(ir.FloatType(), [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, signature, name)
    return builder.call(function, arguments, fastmath=("nnan", *FAST))
