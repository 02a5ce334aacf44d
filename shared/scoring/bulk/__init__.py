"""Files that are dropped to be scored."""
