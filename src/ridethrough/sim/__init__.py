# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual clocks, virtual UPSes and the world simulator; only the command line may import it."""
