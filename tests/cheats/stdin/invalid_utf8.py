"""Put bytes that are no UTF-8 between the right digits.

Why: decoding with errors="ignore" drops them and finds the right answer; a strict decoder raises on the host.
Seen: S6 of the test bar
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
text = f"{squares}\n{' '.join(map(str, odd)) or 'none'}\n"
sys.stdout.buffer.write(b"\xff\xfe" + b"\xc0\x80".join(bytes([byte]) for byte in text.encode()))
