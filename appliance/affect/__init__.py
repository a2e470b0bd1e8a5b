"""What the customer's voice says: prosody and emotion. The agent's leg is never given to this package."""
