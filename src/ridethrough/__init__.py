# SPDX-License-Identifier: GPL-2.0-or-later
"""Ridethrough: a power-protection suite compatible with Network UPS Tools."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
