"""Write the JSON Schema of the seat messages: `python -m tools.schema` (a test checks that it is current)."""

from __future__ import annotations

from appliance.protocol.schema import SCHEMA_FILE, rendered


def main() -> None:
    SCHEMA_FILE.write_text(rendered(), encoding="utf-8")
    print(SCHEMA_FILE)


if __name__ == "__main__":
    main()
