# SPDX-License-Identifier: GPL-2.0-or-later
"""What reads a UPS: drivers in this process, and drivers of other processes behind their sockets."""
