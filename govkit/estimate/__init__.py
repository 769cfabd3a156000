"""Pure functions from data to numbers."""
