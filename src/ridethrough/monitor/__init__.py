# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor: is a UPS critical, is there power enough, and the way down if there is not (NUT's upsmon)."""
