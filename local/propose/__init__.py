"""A first draft of a catalog file, from what a table's columns are called and hold, for somebody who knows them."""
