"""Write the JSON Schemas of the seats' protocol: `python -m tools.schema` (a test: they are current)."""

from __future__ import annotations

from appliance.protocol.schema import CONTROL_SCHEMA_FILE, SCHEMA_FILE, control_schema, rendered, schema


def main() -> None:
    for file, document in ((SCHEMA_FILE, schema()), (CONTROL_SCHEMA_FILE, control_schema())):
        file.write_text(rendered(document), encoding="utf-8")
        print(file)


if __name__ == "__main__":
    main()
