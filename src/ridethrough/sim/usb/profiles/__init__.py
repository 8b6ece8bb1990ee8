# SPDX-License-Identifier: GPL-2.0-or-later
"""The UPSes that come with the simulator; each is a table of our own making after a common kind of device."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ridethrough.sim.usb.profile import Profile
from ridethrough.sim.usb.profiles.cyberpower import CYBERPOWER
from ridethrough.sim.usb.profiles.eaton import EATON_ELLIPSE
from ridethrough.sim.usb.profiles.salicru import SALICRU_SOHO

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {profile.name: profile for profile in (EATON_ELLIPSE, SALICRU_SOHO, CYBERPOWER)}
)
