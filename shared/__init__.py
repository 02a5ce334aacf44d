"""What the three functions share. Absolute imports only: ``from shared...``."""
