"""Results as pages and terminal tables. No figure is computed here."""
