"""`ridge bench`: what calls cost on this machine, by stage, and how many it can carry."""
