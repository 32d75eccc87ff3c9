"""What this field's libraries do where a good guess is wrong: measured, and written to `notebooks/reference.md`.

A file for each table. `make reference` installs the libraries, measures and writes the page; tests measure again what
the installed libraries allow, so that a row that is no longer true fails.
"""
