# SPDX-License-Identifier: GPL-2.0-or-later
"""The NUT network protocol and the driver socket, both sides, as pure cores: bytes in, frozen values out."""
