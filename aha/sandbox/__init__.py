"""Run untrusted Python: a jail, a pool of them, and what came out. Knows nothing of rewards."""
