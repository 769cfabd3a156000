"""Folders that hold records: numbering, atomic writes, comparison."""
