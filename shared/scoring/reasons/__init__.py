"""What moved an answer, and by how much."""
