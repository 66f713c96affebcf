"""The program inside the jail. It forks once a job, so that a job does not wait for an interpreter to start.

It imports the standard library and its own files only, and knows no expected output.
"""
