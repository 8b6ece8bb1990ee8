# SPDX-License-Identifier: GPL-2.0-or-later
"""The sub-drivers: one table for each family of devices."""
