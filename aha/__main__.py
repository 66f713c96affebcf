"""`python -m aha` is `aha`."""

from aha.cli import main

main()
