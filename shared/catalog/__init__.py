"""Use cases as data: a TOML file declares a dataset, a model, and when each column's value is known."""
