"""The door between the zones: the closed message schema and its codec. Imports nothing of ours."""
