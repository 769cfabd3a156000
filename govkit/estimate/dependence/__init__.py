"""How assets fall together."""
