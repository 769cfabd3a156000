"""What selling a size costs: quotes, pools, and a law of traded volume."""
