"""What a month of Cauce on Azure costs: ``python -m local cost``."""
