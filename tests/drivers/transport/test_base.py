# SPDX-License-Identifier: GPL-2.0-or-later
"""What a refused request is called, and what it tells people."""

from __future__ import annotations

import errno
import os

import pytest

from ridethrough.drivers.transport.base import Fault, failure, fault_of


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENODEV, Fault.GONE),
        (errno.EPIPE, Fault.STALL),
        (errno.ETIMEDOUT, Fault.TIMEOUT),
        (errno.EACCES, Fault.DENIED),
        (errno.EBUSY, Fault.BUSY),
        (errno.EPROTO, Fault.LINK),
        (errno.EOVERFLOW, Fault.GARBAGE),
        (errno.ENOTTY, Fault.UNSUPPORTED),
        (errno.EDOM, Fault.LINK),
    ],
)
def test_errors_of_the_system_have_one_meaning(number: int, fault: Fault) -> None:
    """What is done about a failure depends on its kind; an unknown one is taken for a bad link."""
    assert fault_of(OSError(number, os.strerror(number))) is fault


def test_a_refused_open_says_which_rule_to_install() -> None:
    """Somebody who reads the message can let the group in without looking anything up."""
    error = failure(
        PermissionError(errno.EACCES, "Permission denied"), "EATON (port 1-2), /dev/hidraw0,", "open"
    )
    assert error.fault is Fault.DENIED
    assert str(error).startswith("EATON (port 1-2), /dev/hidraw0, may not be opened by this user; ")
    assert "ridethrough udev > /etc/udev/rules.d/62-ridethrough.rules" in str(error)


def test_a_failure_names_what_was_asked_and_why_it_failed() -> None:
    """The system's own words stand there where ours don't say it all."""
    error = failure(OSError(errno.EPROTO, "Protocol error"), "EATON", "feature report 6")
    assert str(error) == (
        "EATON answers with transmission errors; check the cable and the hub"
        " (feature report 6: Protocol error)"
    )
    assert str(failure(OSError(errno.EIO, "I/O error"), "EATON")).endswith("(I/O error)")
