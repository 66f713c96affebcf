"""An OpenAI-compatible server over live batches: requests enter and leave between steps, strategies are models."""
