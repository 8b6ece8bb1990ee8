# SPDX-License-Identifier: GPL-2.0-or-later
"""All models of the six files, in one place to import from."""

from __future__ import annotations

from ridethrough.config.model_ups import Mode, NutConf, Synchronous, UpsConf, UpsSection
from ridethrough.config.model_upsd import (
    ALL_COMMANDS,
    DEFAULT_LISTEN,
    NUT_PORT,
    ROLE_ACTIONS,
    CertIdent,
    CertRequest,
    Listen,
    Role,
    UpsdConf,
    UpsdUsers,
    User,
)
from ridethrough.config.model_upsmon import (
    LOCAL_HOSTS,
    AtRule,
    CertHost,
    MonitorLine,
    UpsmonConf,
    UpsschedConf,
)

__all__ = [
    "ALL_COMMANDS",
    "DEFAULT_LISTEN",
    "LOCAL_HOSTS",
    "NUT_PORT",
    "ROLE_ACTIONS",
    "AtRule",
    "CertHost",
    "CertIdent",
    "CertRequest",
    "Listen",
    "Mode",
    "MonitorLine",
    "NutConf",
    "Role",
    "Synchronous",
    "UpsConf",
    "UpsSection",
    "UpsdConf",
    "UpsdUsers",
    "UpsmonConf",
    "UpsschedConf",
    "User",
]
