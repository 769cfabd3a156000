"""Snapshots of raw market data: import, store and check."""
