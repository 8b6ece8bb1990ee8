# SPDX-License-Identifier: GPL-2.0-or-later
"""Composition: concrete stages put together, supervised, armed and stopped in reverse."""
