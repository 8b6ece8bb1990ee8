# SPDX-License-Identifier: GPL-2.0-or-later
"""The privileged helper (a program that stands alone), its client, and the dropping of root."""
