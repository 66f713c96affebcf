"""Writes by sys.stdout.write and writelines."""

import sys

words = sys.stdin.read().split()
sys.stdout.write(str(len(words)) + "\n")
sys.stdout.writelines(word + "\n" for word in words)
