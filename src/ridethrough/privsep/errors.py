# SPDX-License-Identifier: GPL-2.0-or-later
"""What may go wrong between the core and its helper, in words."""

from __future__ import annotations


class HelperError(Exception):
    """The helper could not be started, or a deed could not be done."""


class HelperRefused(HelperError):
    """The helper is well, and refuses this request."""


class HelperGone(HelperError):
    """The helper has ended.  It can't be started again without root: the whole service must be restarted."""
