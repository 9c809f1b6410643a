"""The catalog as a file: written, read, compared with the database, and what a file would pause and resume."""
