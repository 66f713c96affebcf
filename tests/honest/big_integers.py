"""Prints an integer of over 4,300 digits, for which Python wants leave."""

import math
import sys

sys.set_int_max_str_digits(0)
n = int(input())
text = str(math.factorial(n))
print(len(text), text[:10], pow(3, 10**30, 10**9 + 7), 2**64 - 1)
