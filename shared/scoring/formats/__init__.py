"""What a body may be, and how it is read and written: JSON, CSV and gzip."""
