"""The admin's side: the console's web page and its metrics."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from appliance.box.settings.values import Address, Port, Section


class Console(Section):
    """The console over HTTPS. Whoever may reach it besides this machine is in firewall.admins."""

    #: false: the console collects what the processes say of themselves, and opens no port
    enabled: bool = False
    bind: Address = "127.0.0.1"
    port: Port = 8443
    #: a certificate of the site's own with its chain (PEM), and its key; without them the box makes its own
    certificate: Path | None = None
    key: Path | None = None
    #: who does nothing for so long has to log in again
    session_minutes: int = Field(15, ge=1, le=480)
