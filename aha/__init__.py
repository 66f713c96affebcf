"""The whole DeepSeek-R1 recipe in one command, on whatever you have."""

__version__ = "0.1.0"
