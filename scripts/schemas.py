"""Write the published JSON Schemas of the records, or check that they are current.

Usage: python scripts/schemas.py [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from govkit.records.base import Record
from govkit.records.evidence import Evidence
from govkit.records.model import MarketModel
from govkit.records.snapshot import SnapshotManifest

FOLDER = Path(__file__).parents[1] / "govkit" / "data" / "schemas"
PUBLISHED: dict[str, type[Record]] = {
    "evidence-1": Evidence,
    "market-model-1": MarketModel,
    "snapshot-1": SnapshotManifest,
}


def schema_text(name: str, record: type[Record]) -> str:
    """Return the schema of a record as the text that is published."""
    schema = record.model_json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:govkit:schema:{name}",
    }
    return json.dumps(head | schema, indent=1, sort_keys=True) + "\n"


def main() -> int:
    """Write or check every schema; return the exit code."""
    stale = []
    for name, record in PUBLISHED.items():
        path = FOLDER / f"{name}.schema.json"
        text = schema_text(name, record)
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run 'make docs'\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
