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

from aha.models.lanes import (
    FAST,
    LANES,
    Sums,
    array_of,
    data_of,
    dot,
    fetch,
    integer,
    load,
    parts_of,
    put,
    reduce,
    spread,
    store,
)
from aha.models.simd import loop, widen

LINE = 64
"""Bytes that memory moves together."""


def _largest(typing_context, x_N, n):  # type: ignore[no-untyped-def]

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        row = load(builder, data_of(context, builder, signature.args[0], args[0]), args[1], LANES)
        return reduce(builder, "fmax", [row])

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


def _score(typing_context, sizes, count, q_GD, k_ND, i, score_GN, j):  # type: ignore[no-untyped-def]
    G, D, N = sizes.types[0].count, sizes.types[1].count, count.count

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        q, k, out = (data_of(context, builder, signature.args[n], args[n]) for n in (2, 3, 5))
        stride = builder.extract_value(array_of(context, builder, signature.args[5], args[5]).shape, 1)
        parts, split = parts_of(D, k)
        queries = [[fetch(builder, q, integer(g * D + d), width, split) for d, width in parts] for g in range(G)]
        sums: list[Sums] = [Sums(builder) for _ in range(G)]
        for n in range(N):
            start = builder.mul(builder.add(args[4], integer(n)), integer(D))
            key = [fetch(builder, k, builder.add(start, integer(d)), width, split) for d, width in parts]
            for g in range(G):
                sums[g].add(dot(builder, sum(queries[g], []), sum(key, [])))
        for g in range(G):
            at = builder.add(builder.mul(integer(g), stride), args[6])
            store(builder, sums[g].all(N), out, at)
        return context.get_dummy_value()

    return types.void(sizes, count, q_GD, k_ND, types.intp, score_GN, types.intp), codegen


score: Any = intrinsic(_score)
"""score(sizes, count, q_GD, k_ND, i, score_GN, j): score_GN[g, j + n] = q_GD[g] . k_ND[i + n] for n < count; sizes say G and D."""


def _mix(typing_context, sizes, count, share_GN, j, v_ND, i, out_GD):  # type: ignore[no-untyped-def]
    G, D, N = sizes.types[0].count, sizes.types[1].count, count.count

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        share, v, out = (data_of(context, builder, signature.args[n], args[n]) for n in (2, 4, 6))
        stride = builder.extract_value(array_of(context, builder, signature.args[2], args[2]).shape, 1)
        starts = [builder.mul(builder.add(args[5], integer(n)), integer(D)) for n in range(N)]
        shares = [builder.gep(share, [builder.add(builder.mul(integer(g), stride), args[3])]) for g in range(G)]
        parts, split = parts_of(D, v)
        for d, width in parts:
            totals = [fetch(builder, out, integer(g * D + d), width, split) for g in range(G)]
            for n, start in enumerate(starts):
                row = fetch(builder, v, builder.add(start, integer(d)), width, split)
                for g in range(G):
                    factor = builder.load(builder.gep(shares[g], [integer(n)]))
                    for i, half in enumerate(row):
                        part = builder.fmul(spread(builder, factor, half.type.count), half, flags=FAST)
                        totals[g][i] = builder.fadd(totals[g][i], part, flags=FAST)
            for g in range(G):
                put(builder, totals[g], out, integer(g * D + d), split)
        return context.get_dummy_value()

    return types.void(sizes, count, share_GN, types.intp, v_ND, types.intp, out_GD), codegen


mix: Any = intrinsic(_mix)
"""mix(sizes, count, share_GN, j, v_ND, i, out_GD): out_GD[g] += sum over n < count of share_GN[g, j + n] v_ND[i + n]."""


def _prefetch(typing_context, sizes, count, x_ND, i):  # type: ignore[no-untyped-def]
    D, N = sizes.types[1].count, count.count

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        data = data_of(context, builder, signature.args[2], args[2])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        call = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, word, word, word]), "llvm.prefetch.p0i8"
        )
        start = builder.bitcast(builder.gep(data, [builder.mul(args[3], integer(D))]), byte)
        for offset in range(0, N * D * context.get_abi_sizeof(data.type.pointee), LINE):
            builder.call(call, [builder.gep(start, [integer(offset)]), *(ir.Constant(word, n) for n in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(sizes, count, x_ND, types.intp), codegen


prefetch: Any = intrinsic(_prefetch)
"""prefetch(sizes, count, x_ND, i): start to bring x_ND[i : i + count] near. Nothing happens if that memory is not there."""


def _multiply(typing_context, count, x_RE, r, w_BEO, b, y_RO):  # type: ignore[no-untyped-def]
    R = count.count

    def codegen(context, builder, signature, args):  # type: ignore[no-untyped-def]
        x, w, y = (data_of(context, builder, signature.args[n], args[n]) for n in (1, 3, 5))
        E = builder.extract_value(array_of(context, builder, signature.args[1], args[1]).shape, 1)
        stride = builder.extract_value(array_of(context, builder, signature.args[5], args[5]).shape, 1)
        block = builder.mul(args[4], builder.mul(E, integer(2 * LANES)))
        before, body, after = builder.block, *(builder.append_basic_block(n) for n in ("product", "done"))
        builder.branch(body)
        builder.position_at_end(body)
        e = builder.phi(ir.IntType(64))
        e.add_incoming(integer(0), before)
        vector = ir.VectorType(ir.FloatType(), LANES)
        sums = [builder.phi(vector) for _ in range(2 * R)]
        at = builder.add(block, builder.mul(e, integer(2 * LANES)))
        halves = [load(builder, w, at, LANES), load(builder, w, builder.add(at, integer(LANES)), LANES)]
        for i in range(R):
            position = builder.add(builder.mul(builder.add(args[2], integer(i)), E), e)
            number = spread(builder, builder.load(builder.gep(x, [position])), LANES)
            for half in (0, 1):
                total = sums[2 * i + half]
                total.add_incoming(ir.Constant(vector, [0.0] * LANES), before)
                part = builder.fmul(number, halves[half], flags=FAST)
                total.add_incoming(builder.fadd(total, part, flags=FAST), body)
        following = builder.add(e, integer(1))
        e.add_incoming(following, body)
        builder.cbranch(builder.icmp_signed("<", following, E), body, after)
        builder.position_at_end(after)
        for i in range(R):
            row = builder.add(
                builder.mul(builder.add(args[2], integer(i)), stride), builder.mul(args[4], integer(2 * LANES))
            )
            for half in (0, 1):
                total = sums[2 * i + half].incomings[1][0]
                store(builder, total, y, builder.add(row, integer(half * LANES)))
        return context.get_dummy_value()

    return types.void(count, x_RE, types.intp, w_BEO, types.intp, y_RO), codegen


multiply: Any = intrinsic(_multiply)
"""multiply(count, x_RE, r, w_BEO, b, y_RO): y[r + i, 2 LANES b ...] = x[r + i] . w[b] for i < count, x and y in fp32.

The sums stay in registers while the block of weights streams by once for all these rows.
"""
