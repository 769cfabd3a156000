"""From losses to a decision under a risk appetite, with its reasons."""
