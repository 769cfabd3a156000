"""Tests mirror the package; a package of its own, since a library ships one by the same name."""
