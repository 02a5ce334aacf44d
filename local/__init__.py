"""Running Cauce on one machine, without Azure and without Core Tools. Nothing here is deployed."""
