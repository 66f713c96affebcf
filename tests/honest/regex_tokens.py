"""Uses re."""

import re

print(*re.findall(r"\d+|[-+*/()]", input()))
print(re.sub(r"(?P<a>\w)(?P<b>\w)", r"\g<b>\g<a>", "abcd"))
