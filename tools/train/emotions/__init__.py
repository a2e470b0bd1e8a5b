"""The parts of the emotion model's training program."""
