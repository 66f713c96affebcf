"""Recurses a hundred thousand deep in a thread with a large stack."""

import sys
import threading

sys.setrecursionlimit(1 << 20)
threading.stack_size(256 << 20)


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def main():
    print(depth(int(input())))


worker = threading.Thread(target=main)
worker.start()
worker.join()
