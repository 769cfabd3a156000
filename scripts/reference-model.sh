#!/usr/bin/env bash
# Regenerate the reference model from the market data it was fitted to.
# Usage: scripts/reference-model.sh DATA_FOLDER [REFITS]
# The series may not be redistributed, so the folder is not part of the repository; docs/model.md
# says what it holds. The same inputs give the same model digest.
set -euo pipefail

data=${1:?usage: scripts/reference-model.sh DATA_FOLDER [REFITS]}
refits=${2:-200}
here=$(cd "$(dirname "$0")/.." && pwd)
govkit=${GOVKIT:-"$here/.venv/bin/govkit"}
snapshot=$here/build/reference-snapshot

rm -rf "$snapshot"
"$govkit" snapshot import "$data"/prices/{ETH,BTC,LINK,AAVE,UNI,CRV,MKR,COMP,WBTC,USDC}-1h.csv.gz \
  --source "Binance spot candles in USDT" --licence "series not redistributable" --out "$snapshot"
"$govkit" snapshot import "$data"/crash/*-5m.csv.gz \
  --source "Binance spot 5-minute candles around crash days" \
  --licence "series not redistributable" --out "$snapshot"
"$govkit" snapshot import "$data"/prices/{WSTETH,USDC,USDT,DAI,1INCH}-1d.csv.gz \
  --source "Binance and Yahoo Finance daily candles" --licence "series not redistributable" --out "$snapshot"
"$govkit" snapshot import "$data"/prices/{USDC,USDT,DAI}-1d-close.csv.gz \
  --source "aggregator daily closes" --licence "series not redistributable" --out "$snapshot"
"$govkit" snapshot import \
  "$data"/prices/{USDC,USDT,DAI,FRAX,LUSD,UST,SUSD,GUSD,BUSD,TUSD}-1h-close.csv.gz \
  --source "CoinGecko hourly prices of pegged coins" --licence "series not redistributable" \
  --out "$snapshot"
"$govkit" snapshot import "$data"/prices/{CBETH,RETH,WEETH}-ETH-1h-close.csv.gz \
  --source "hourly oracle readings of staking tokens in ETH, Compound v3 feeds" \
  --licence "series not redistributable" --out "$snapshot"
"$govkit" snapshot import "$data"/prices/STETH-ETH-1h-close.csv.gz \
  --source "CoinGecko hourly stETH over WETH, paired within 10 minutes" \
  --licence "series not redistributable" --out "$snapshot"
"$govkit" snapshot import "$data"/depth/quotes-1inch-2023-11-20.csv.gz \
  --source "1inch quotes on Ethereum, xenophonlabs/crvUSDrisk (MIT)" --licence "MIT" \
  --out "$snapshot"
"$govkit" snapshot import "$data"/positions/aave-v3-ethereum-wbtc-usdc-2025-01-28.csv \
  --source "42 Aave v3 Ethereum accounts, WBTC against USDC" --retrieved 2025-01-28T00:00:00Z \
  --licence "not stated" --out "$snapshot"
"$govkit" snapshot import "$data"/positions/crvusd-userdays-2023q4.csv.gz \
  --source "crvUSD user states of three months, xenophonlabs/crvUSDrisk (MIT)" \
  --retrieved 2024-01-01T00:00:00Z \
  --licence "MIT" --out "$snapshot"
"$govkit" fit "$snapshot" --name reference --refits "$refits" \
  --out "$here/govkit/data/models/reference.json"
