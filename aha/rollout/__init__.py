"""Continue these prompts: engines."""
