# SPDX-License-Identifier: GPL-2.0-or-later
"""One file per command: NUT's names and ours."""
