# SPDX-License-Identifier: GPL-2.0-or-later
"""upssched: what happens at a notice, at once or after a while (NUT's upssched(8), upssched.conf(5))."""
