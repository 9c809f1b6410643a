"""The executable `spendgate`."""
