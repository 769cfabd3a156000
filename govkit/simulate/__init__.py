"""From a market model to losses: price paths and the liquidation engine."""
