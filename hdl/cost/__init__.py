"""Area, static power and delay of a mapped design. Which design to prefer is not decided here."""
