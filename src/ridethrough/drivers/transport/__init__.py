# SPDX-License-Identifier: GPL-2.0-or-later
"""How drivers reach a USB device: finding it, knowing it again, talking to it, getting it back."""
