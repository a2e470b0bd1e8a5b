"""The tables of the configuration, each in the module of its subject, and the types of their values."""
