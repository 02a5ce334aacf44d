"""From nothing to an app that answers: ``python -m infra.deployment``."""
