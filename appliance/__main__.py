"""`python -m appliance` is the `ridge` command."""

from appliance.cli import main

raise SystemExit(main())
