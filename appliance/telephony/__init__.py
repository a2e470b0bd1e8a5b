"""Protocol cores without I/O: SIP, SDP, SIPREC metadata, RTP, jitter buffer, G.711, frame dissection."""
