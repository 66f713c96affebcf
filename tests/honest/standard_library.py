"""Uses what else contest programs import."""

import base64
import calendar
import cmath
import datetime
import hashlib
import math
import operator
import statistics
import string
import struct
import textwrap
import zlib
from array import array
from enum import Enum
from operator import itemgetter

text = input()
print(hashlib.sha1(text.encode()).hexdigest()[:8], base64.b64encode(text.encode()).decode(), zlib.crc32(b"a"))
print(math.gcd(12, 18), math.isqrt(17), math.comb(5, 2), abs(cmath.sqrt(-4)), statistics.median([3, 1, 2]))
print(datetime.date(2024, 2, 29).isoformat(), calendar.isleap(2000), string.ascii_lowercase[:3], array("i", [1, 2])[1])
print(struct.unpack("<I", b"\1\0\0\0")[0], textwrap.shorten("a b c", 5), Enum("E", "A B").A.value)
print(*sorted([(2, "b"), (1, "z")], key=itemgetter(1)), operator.xor(6, 3))
