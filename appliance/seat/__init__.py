"""The seat client: library, terminal view and the words that people read."""
