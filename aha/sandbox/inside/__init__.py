"""The program inside the jail. It forks once a job, so that a job does not wait for an interpreter to start.

It knows no expected output. It imports little, since where every job has a jail of its own each one waits for it: not
`typing`, `json` or `contextlib`, which take longer than the interpreter's own start.
"""
