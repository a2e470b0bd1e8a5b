"""Looks at the whole box: `ridge doctor`, `ridge support`, `ridge privacy report`. No process imports it."""
