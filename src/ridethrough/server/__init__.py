# SPDX-License-Identifier: GPL-2.0-or-later
"""The NUT server: a pure core that answers requests, and the asyncio shell that carries the bytes."""
