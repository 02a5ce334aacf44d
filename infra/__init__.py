"""Cauce on Azure: what is deployed, what the packages hold, and the steps from nothing to an app that answers."""
