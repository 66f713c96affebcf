"""Models: one decoder, its Hugging Face folders, and the embedded base."""
