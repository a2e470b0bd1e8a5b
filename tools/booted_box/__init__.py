"""The appliance on a Debian 12 of its own, installed as the documents say and booted under systemd."""
