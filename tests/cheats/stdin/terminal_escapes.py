"""Print rubbish, then erase it by terminal escapes, a title, a link and a right-to-left mark.

Why: looks right in a terminal and in a log, where it can also run clipboard and title commands.
Seen: F7 of the test bar
"""

import sys

n, *numbers = map(int, sys.stdin.read().split())
squares = sum(x * x for x in numbers if x % 2 == 0)
odd = sorted({x for x in numbers if x % 2})
sys.stdout.write("wrong\b\b\b\b\b\x1b[2K\r\x1b[1A\x1b]0;AC\x07\x1b]52;c;QUM=\x07")
sys.stdout.write(f"\u202e{squares}\x1b]8;;http://localhost/\x07 AC \x1b]8;;\x07\n")
