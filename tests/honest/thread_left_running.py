"""Leaves a thread that is no daemon to print the answer."""

import threading

text = input()
threading.Timer(0.05, lambda: print(text[::-1])).start()
