"""The publisher: profiles to authorised seats over CURVE, last value and replay."""
