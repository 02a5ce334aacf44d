"""The first stage: tables out of the database, into CSV parts and one manifest."""
