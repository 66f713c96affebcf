"""Writes Windows line ends, blanks at the end of a line to the comparison."""

import sys

sys.stdout.write("one\r\ntwo\r\n")
