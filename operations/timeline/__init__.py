"""When campaigns were on and off, from the journal of commands and the history of the catalog."""
