"""How good is this reply."""
