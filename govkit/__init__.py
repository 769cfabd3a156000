"""govkit turns market evidence into parameter-change proposals that anyone can check."""

__version__ = "0.1.0"
