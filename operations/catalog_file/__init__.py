"""The catalog as a file: export, reading, comparison with the database, and the pauses and resumes it would cause."""
