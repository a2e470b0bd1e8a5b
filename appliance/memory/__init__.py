"""What is remembered of a customer between calls: off until an admin turns it on, encrypted, and erasable."""
