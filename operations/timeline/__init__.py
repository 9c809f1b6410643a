"""When campaigns were on and off, told from the journal of commands and the history of the catalog."""
