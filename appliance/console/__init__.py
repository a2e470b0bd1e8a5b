"""The admin's view of the box."""
