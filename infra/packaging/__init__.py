"""The two packages: ``python -m infra.packaging``."""
