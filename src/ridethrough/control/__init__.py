# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket: JSON lines that tell what happens in `ridethrough serve`, and ask things of it."""
