"""What a new deployment is tried with: a use case of its own, whose rows are made up here."""
