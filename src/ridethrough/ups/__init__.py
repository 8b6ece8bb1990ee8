# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of a UPS in NUT's vocabulary: what every stage shares."""
