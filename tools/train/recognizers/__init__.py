"""Parts of the program that trains the bundled recognizer."""
