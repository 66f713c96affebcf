"""Runs coroutines; the event loop needs a pair of sockets."""

import asyncio


async def double(n):
    await asyncio.sleep(0.01)
    return 2 * n


async def main():
    return await asyncio.gather(*(double(n) for n in map(int, input().split())))


print(*asyncio.run(main()))
