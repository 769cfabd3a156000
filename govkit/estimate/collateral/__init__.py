"""Collateral that follows another asset: ratios, discounts, depegs, carry."""
