"""Writes bytes to sys.stdout.buffer, after a print."""

import sys

print("text", flush=True)
sys.stdout.buffer.write(sys.stdin.buffer.read().upper())
