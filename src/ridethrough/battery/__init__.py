# SPDX-License-Identifier: GPL-2.0-or-later
"""How a UPS battery empties, fills and runs low."""
