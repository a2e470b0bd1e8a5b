"""The parts of the prosody model's training program."""
