# SPDX-License-Identifier: GPL-2.0-or-later
"""NUT's six configuration files: read, typed, and every fault in them named."""
