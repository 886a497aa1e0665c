"""The published JSON schema of `submission.toml`, for editors and other programs."""

import json
from pathlib import Path

from leaderboard.submission.manifest import Manifest

PUBLISHED = Path(__file__).parents[2] / "site" / "static" / "submission.schema.json"
"""Where the site serves it from; a test holds it to the classes."""


def schema_text() -> str:
    """The schema as the file holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "submission.toml of squeezebench",
        **Manifest.model_json_schema(by_alias=True),
    }
    schema["title"] = "submission.toml of squeezebench"
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
