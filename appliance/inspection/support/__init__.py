"""The support bundle: what helps to find a fault, and nothing of a call, a person or a key."""
