"""What speaks against calibrating on a price history."""
