"""The second stage: from a drop to a version that may serve."""
