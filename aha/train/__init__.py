"""Learn from this: loss, batch, optimizer, loops."""
