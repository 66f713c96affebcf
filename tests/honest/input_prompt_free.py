"""Gives input() an empty prompt and shadows it by sys.stdin.readline."""

import sys

first = input("")
input = sys.stdin.readline
second = input().strip()
print(second, first)
