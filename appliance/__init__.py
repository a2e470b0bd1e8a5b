"""Ridge: turns telephone calls into live RID profiles on a box that lets no audio out."""
