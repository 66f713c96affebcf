"""Vector arithmetic that a loop would not compile to: a few rows of D numbers held in registers between operations.

Each function here writes LLVM's own vector code, so any processor with a compiler back end gets its widest instructions.
Sizes that must be known when it is compiled come as tuples of as many Nones, since a tuple's length is part of its type.
Shapes: G query heads, N positions, D head size.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from aha.models.simd import loop, widen

LANES = 16
"""Numbers in one vector; the compiler cuts it to what the processor has."""
FAST = ("reassoc", "contract", "nsz")


def _largest(typing_context, x_N, n):  # type: ignore[no-untyped-def]

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        row = _load(builder, _data(context, builder, signature.args[0], args[0]), args[1], LANES)
        return _reduce(builder, "fmax", [row])

    return types.float32(x_N, types.intp), codegen


largest: Any = intrinsic(_largest)
"""largest(x_N, n): the largest of x_N[n : n + LANES], fp32 or bf16."""


@loop(cache=True)
def top_of(x_N):  # type: ignore[no-untyped-def]
    """The largest of all; a plain loop for a maximum is not turned into vectors."""
    top, whole = widen(x_N[0]), len(x_N) // LANES * LANES
    for n in range(0, whole, LANES):
        top = max(top, largest(x_N, n))
    for n in range(whole, len(x_N)):
        top = max(top, widen(x_N[n]))
    return top


def _score(typing_context, sizes, q_GD, k_ND, i, score_GN, j):  # type: ignore[no-untyped-def]
    G, D = sizes.types[0].count, sizes.types[1].count

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        q, k, out = (_data(context, builder, signature.args[n], args[n]) for n in (1, 2, 4))
        stride = builder.extract_value(_array(context, builder, signature.args[4], args[4]).shape, 1)
        sums: list[Any] = [None] * G
        for d, width in _chunks(D):
            row = _load(builder, k, builder.add(builder.mul(args[3], _int(D)), _int(d)), width)
            for g in range(G):
                part = builder.fmul(_load(builder, q, _int(g * D + d), width), row, flags=FAST)
                sums[g] = _join(builder, sums[g], part)
        for g in range(G):
            total = _sum(builder, sums[g])
            builder.store(total, builder.gep(out, [builder.add(builder.mul(_int(g), stride), args[5])]))
        return context.get_dummy_value()

    return types.void(sizes, q_GD, k_ND, types.intp, score_GN, types.intp), codegen


score: Any = intrinsic(_score)
"""score(sizes, q_GD, k_ND, i, score_GN, j): score_GN[g, j] = q_GD[g] . k_ND[i] for all g; sizes say G and D."""


def _mix(typing_context, sizes, count, share_GN, j, v_ND, i, out_GD):  # type: ignore[no-untyped-def]
    G, D = sizes.types[0].count, sizes.types[1].count

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        share, v, out = (_data(context, builder, signature.args[n], args[n]) for n in (2, 4, 6))
        stride = builder.extract_value(_array(context, builder, signature.args[2], args[2]).shape, 1)
        start = builder.mul(args[5], _int(D))
        shares = [
            [
                builder.load(
                    builder.gep(share, [builder.add(builder.mul(_int(g), stride), builder.add(args[3], _int(n)))])
                )
                for n in range(count.count)
            ]
            for g in range(G)
        ]
        for d, width in _chunks(D):
            rows = [_load(builder, v, builder.add(start, _int(n * D + d)), width) for n in range(count.count)]
            for g in range(G):
                total = _load(builder, out, _int(g * D + d), width)
                for n, row in enumerate(rows):
                    part = builder.fmul(_spread(builder, shares[g][n], width), row, flags=FAST)
                    total = builder.fadd(total, part, flags=FAST)
                _store(builder, total, out, _int(g * D + d))
        return context.get_dummy_value()

    return types.void(sizes, count, share_GN, types.intp, v_ND, types.intp, out_GD), codegen


mix: Any = intrinsic(_mix)
"""mix(sizes, count, share_GN, j, v_ND, i, out_GD): out_GD[g] += sum over n < count of share_GN[g, j + n] v_ND[i + n]."""


def _multiply(typing_context, count, x_RE, r, w_BEO, b, y_RO):  # type: ignore[no-untyped-def]
    R = count.count

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        x, w, y = (_data(context, builder, signature.args[n], args[n]) for n in (1, 3, 5))
        E = builder.extract_value(_array(context, builder, signature.args[1], args[1]).shape, 1)
        stride = builder.extract_value(_array(context, builder, signature.args[5], args[5]).shape, 1)
        block = builder.mul(args[4], builder.mul(E, _int(2 * LANES)))
        before, body, after = builder.block, *(builder.append_basic_block(n) for n in ("product", "done"))
        builder.branch(body)
        builder.position_at_end(body)
        e = builder.phi(ir.IntType(64))
        e.add_incoming(_int(0), before)
        vector = ir.VectorType(ir.FloatType(), LANES)
        sums = [builder.phi(vector) for _ in range(2 * R)]
        at = builder.add(block, builder.mul(e, _int(2 * LANES)))
        halves = [_load(builder, w, at, LANES), _load(builder, w, builder.add(at, _int(LANES)), LANES)]
        for i in range(R):
            position = builder.add(builder.mul(builder.add(args[2], _int(i)), E), e)
            number = _spread(builder, builder.load(builder.gep(x, [position])), LANES)
            for half in (0, 1):
                total = sums[2 * i + half]
                total.add_incoming(ir.Constant(vector, [0.0] * LANES), before)
                part = builder.fmul(number, halves[half], flags=FAST)
                total.add_incoming(builder.fadd(total, part, flags=FAST), body)
        following = builder.add(e, _int(1))
        e.add_incoming(following, body)
        builder.cbranch(builder.icmp_signed("<", following, E), body, after)
        builder.position_at_end(after)
        for i in range(R):
            row = builder.add(builder.mul(builder.add(args[2], _int(i)), stride), builder.mul(args[4], _int(2 * LANES)))
            for half in (0, 1):
                total = sums[2 * i + half].incomings[1][0]
                _store(builder, total, y, builder.add(row, _int(half * LANES)))
        return context.get_dummy_value()

    return types.void(count, x_RE, types.intp, w_BEO, types.intp, y_RO), codegen


multiply: Any = intrinsic(_multiply)
"""multiply(count, x_RE, r, w_BEO, b, y_RO): y[r + i, 2 LANES b ...] = x[r + i] . w[b] for i < count, x and y in fp32.

The sums stay in registers while the block of weights streams by once for all these rows.
"""


def _chunks(D: int) -> list[tuple[int, int]]:
    """(start, width) of the vectors that make up D numbers."""
    return [(d, min(LANES, D - d)) for d in range(0, D, LANES)]


def _int(n: int) -> ir.Constant:
    return ir.Constant(ir.IntType(64), n)


def _array(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return context.make_array(array_type)(context, builder, array)


def _data(context: Any, builder: Any, array_type: Any, array: Any) -> Any:
    return _array(context, builder, array_type, array).data


def _load(builder: Any, data: Any, offset: Any, width: int) -> Any:
    """`width` numbers as floats; uint16 are the bits of bf16."""
    pointer = builder.gep(data, [offset])
    element = data.type.pointee
    vector = builder.load(builder.bitcast(pointer, ir.VectorType(element, width).as_pointer()), align=2)
    if isinstance(element, ir.FloatType):
        return vector
    wide = ir.VectorType(ir.IntType(32), width)
    shifted = builder.shl(builder.zext(vector, wide), ir.Constant(wide, [16] * width))
    return builder.bitcast(shifted, ir.VectorType(ir.FloatType(), width))


def _store(builder: Any, vector: Any, data: Any, offset: Any) -> None:
    builder.store(vector, builder.bitcast(builder.gep(data, [offset]), vector.type.as_pointer()), align=4)


def _spread(builder: Any, number: Any, width: int) -> Any:
    """A vector of `width` copies of a number."""
    one = builder.insert_element(
        ir.Constant(ir.VectorType(ir.FloatType(), width), ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
    )
    mask = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(one, one, mask)


def _join(builder: Any, total: Any, part: Any) -> Any:
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


def _sum(builder: Any, vector: Any) -> Any:
    return _reduce(builder, "fadd", [ir.Constant(ir.FloatType(), 0.0), vector])


def _reduce(builder: Any, operation: str, arguments: list[Any]) -> Any:
    name = f"llvm.vector.reduce.{operation}.v{arguments[-1].type.count}f32"
    signature = ir.FunctionType(ir.FloatType(), [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, signature, name)
    return builder.call(function, arguments, fastmath=("nnan", *FAST))
