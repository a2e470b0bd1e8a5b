"""The sources that drive the telephony cores with sockets and files, and turn calls into audio blocks."""
