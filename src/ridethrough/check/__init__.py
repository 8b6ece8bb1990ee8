# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole installation held against the machine that it is on: programs, rights, scripts."""
