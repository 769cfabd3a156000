"""The liquidation engine in plain Python: slow, and meant to be read beside docs/engine.md."""
