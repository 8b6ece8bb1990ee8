# SPDX-License-Identifier: GPL-2.0-or-later
"""NUT's words and quoting: what configuration files and both protocols share."""
