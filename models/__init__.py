"""What PostgreSQL keeps: tables, the functions that edit them, migrations. Takes a URL, never Settings."""
