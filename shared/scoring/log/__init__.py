"""What was answered, kept for monitoring."""
