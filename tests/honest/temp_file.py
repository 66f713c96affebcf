"""Writes a file in the working folder and reads it back."""

import os

with open("notes.txt", "w") as file:
    file.write(input())
with open("notes.txt") as file:
    print(file.read().upper())
os.remove("notes.txt")
print(os.path.exists("notes.txt"))
