"""Do nothing at all.

Why: earns full marks where the expected output is empty or no output means no failure.
Seen: verl PR 7853; FieldWorkArena accepted {} (Berkeley RDI, April 2026)
"""

pass
