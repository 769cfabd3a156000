"""From candles to a return model: hours, volatility, tails, states, refits."""
