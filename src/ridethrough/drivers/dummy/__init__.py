# SPDX-License-Identifier: GPL-2.0-or-later
"""dummy-ups: a UPS made of a definition file, or the repetition of one at another server."""
