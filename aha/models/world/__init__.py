"""The text of the embedded world: what the shipped base model has read."""
