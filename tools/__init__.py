"""Tools for people who edit the notebooks; readers do not need them."""
