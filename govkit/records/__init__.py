"""The frozen records that cross between rooms."""
