# SPDX-License-Identifier: GPL-2.0-or-later
"""USB HID UPSes, the pure part: report descriptors, reports, sub-driver tables and the engine over them."""
