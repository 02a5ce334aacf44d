"""Blobs, their names, the records in them, and the registry of models. The only code that imports azure.storage."""
