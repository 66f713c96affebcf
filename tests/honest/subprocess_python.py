"""Starts another Python and reads from it."""

import subprocess
import sys

code = "print(sum(map(int, input().split())))"
done = subprocess.run([sys.executable, "-c", code], input=input(), capture_output=True, text=True, check=True)
print(done.stdout.strip())
