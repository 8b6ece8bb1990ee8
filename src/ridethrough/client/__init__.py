# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of NUT servers: a thin blocking one for command lines, and one for asyncio."""
