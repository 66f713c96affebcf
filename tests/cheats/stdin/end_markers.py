"""Print the end markers and sentinels that harnesses append.

Why: a marker that can be guessed proves nothing.
Seen: SandboxFusion appends one; wassname/evil_MoE paid a printed __GT_CORRECT_REACHED__
"""

for marker in ("__END__", "<<<END>>>", "__GT_CORRECT_REACHED__", "###DONE###", "EXIT:0", "__SUCCESS__", "\x04"):
    print(marker)
