"""The versions in memory: which one answers, and what takes part beside it."""
