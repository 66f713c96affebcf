"""End with GeneratorExit, which is not an Exception.

Why: wrappers that catch Exception let it through, and some then end with status 0.
Seen: verl PR 7853 (the wrapper caught everything and ended with 0)
"""

raise GeneratorExit
