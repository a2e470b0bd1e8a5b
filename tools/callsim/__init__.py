"""A simulated gateway: a SIPREC recording client (RFC 7866) that plays stereo recordings into an appliance.

It is the independent other side: it shares with the appliance only G.711, RTP packets and resampling.
"""
