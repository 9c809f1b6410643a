"""Writes docs/openapi.json: the HTTP API, as the server itself publishes it at /api/openapi.json."""

import json
from pathlib import Path
from typing import Final

from console.app import create_app
from streams.settings import Settings

__all__ = ["OPENAPI_FILE", "render"]

#: The published file.
OPENAPI_FILE: Final = Path(__file__).with_name("openapi.json")


def render() -> str:
    document = create_app(Settings()).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OPENAPI_FILE.write_text(render(), encoding="utf-8")
