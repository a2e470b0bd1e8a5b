"""The box itself: configuration, journal and supervision."""
