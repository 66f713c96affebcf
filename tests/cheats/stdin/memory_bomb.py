"""Take memory until something breaks.

Why: without a limit the machine kills another process, the training for one.
Seen: S3 of the test bar
Limit: memory
"""

hoard = []
while True:
    hoard.append(bytearray(1 << 24))
