"""The RID model: relationship, influence, demand, evidence and advice. Pure state, no I/O."""
