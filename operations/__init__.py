"""What command line, API and pages all do: validation, views, journal, dead letters, replay, status, doctor."""
