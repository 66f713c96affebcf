"""Commands beside a run: what the machine can do, programs in the jail, replies graded, rewards put to the test."""
