# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain program finds the virtual UPS in /sys and talks to it through /dev/hidrawN."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest

from ridethrough.sim.usb.profiles import PROFILES
from tests.support.usb_bench import UsbBench, usb_bench

pytestmark = pytest.mark.umockdev

# Runs under umockdev: answers each line of Python with its value.
CLIENT = """
import errno, fcntl, json, os, select, sys, time

def feature(report_id, length=64):
    data = bytearray(length)
    data[0] = report_id
    try:
        count = fcntl.ioctl(node, 0xC0004807 | length << 16, data)
    except OSError as error:
        return errno.errorcode[error.errno]
    return data[:count].hex()

def set_feature(text):
    data = bytearray.fromhex(text)
    try:
        return fcntl.ioctl(node, 0xC0004806 | len(data) << 16, data)
    except OSError as error:
        return errno.errorcode[error.errno]

def descriptor():
    length = bytearray(4)
    fcntl.ioctl(node, 0x80044801, length)
    data = length + bytearray(4096)
    fcntl.ioctl(node, 0x90044802, data)
    return data[4:4 + int.from_bytes(length, "little")].hex()

def name():
    data = bytearray(256)
    return data[:fcntl.ioctl(node, 0x81004804, data) - 1].decode()

def identity():
    data = bytearray(8)
    fcntl.ioctl(node, 0x80084803, data)
    return data.hex()

def report():
    if not select.select([node], [], [], 5)[0]:
        return "nothing"
    try:
        return os.read(node, 64).hex()
    except OSError as error:
        return errno.errorcode[error.errno]

node = os.open("/dev/hidraw0", os.O_RDWR | os.O_NONBLOCK)
for line in sys.stdin:
    print(json.dumps(eval(line)), flush=True)
"""


class Program:
    """The client; `ask` gives it a line."""

    def __init__(self, source: IO[str], target: IO[str]) -> None:
        self._source, self._target = source, target

    def ask(self, line: str) -> Any:
        """Evaluate a line in the client."""
        self._target.write(line + "\n")
        self._target.flush()
        return json.loads(self._source.readline())


@contextmanager
def program(bench: UsbBench) -> Iterator[Program]:
    """Start the client."""
    command = [sys.executable, "-c", CLIENT]
    environment = {**os.environ, **bench.environment}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as popen:
        assert popen.stdin is not None
        assert popen.stdout is not None
        try:
            yield Program(popen.stdout, popen.stdin)
        finally:
            popen.stdin.close()
            popen.wait(5)


def test_hidraw_has_identity_reports_and_events() -> None:
    """Descriptor, name, features both ways and input reports are the device's; an unplug ends them."""
    profile = PROFILES["eaton-ellipse"]
    with usb_bench("eaton-ellipse") as bench, program(bench) as client:
        assert bytes.fromhex(client.ask("descriptor()")) == profile.report_descriptor
        assert client.ask("name()") == "EATON Ellipse PRO"
        assert client.ask("identity()") == "030000006304ffff"
        assert client.ask("feature(6)") == profile.features[6].hex()
        assert client.ask("feature(0x99)") == "EPIPE"
        assert client.ask("set_feature('0914000000')") == 5
        assert client.ask("feature(9)") == "0914000000"
        assert "set feature 09 09 14 00 00 00 -> ok" in bench.log()
        bench.tell("ob")
        assert [client.ask("report()") for _ in range(2)] == ["013000", "066158020000"]
        bench.tell("unplug")
        assert client.ask("report()") in ("", "EIO")
        assert client.ask("feature(6)") == "ENODEV"


def test_sysfs_leads_from_node_to_device_and_back() -> None:
    """The tree of /sys tells the vendor, the port and the driver; it goes and comes with the plug."""
    with usb_bench("eaton-ellipse@1-4") as bench, program(bench) as client:
        place = client.ask("os.path.realpath('/sys/class/hidraw/hidraw0/device')")
        assert "/usb1/1-4/1-4:1.0/0003:0463:FFFF." in place
        assert client.ask("open('/sys/bus/usb/devices/1-4/idVendor').read()") == "0463\n"
        assert client.ask("open('/sys/bus/usb/devices/1-4/serial').read()") == "VIRTUAL0001\n"
        link = "os.readlink('/sys/bus/usb/devices/1-4:1.0/driver')"
        assert client.ask(link).endswith("/drivers/usbhid")
        assert client.ask("os.path.exists('/dev/bus/usb/001/002')")
        bench.tell("unplug")
        assert client.ask("sorted(os.listdir('/sys/bus/usb/devices'))") == ["usb1"]
        assert not client.ask("os.path.exists('/dev/bus/usb/001/002')")
        bench.tell("replug")
        assert client.ask("os.listdir('/sys/class/hidraw')") == ["hidraw1"]
        assert client.ask("os.path.exists('/dev/bus/usb/001/003')")


def test_stalls_and_silence_reach_a_program() -> None:
    """A stall is EPIPE at once; a silent device keeps the program waiting until it speaks again."""
    with usb_bench("cyberpower", "salicru-soho") as bench, program(bench) as client:
        bench.tell("stall")
        assert client.ask("feature(8)") == "EPIPE"
        assert bench.tell("1-3 state")["fault"] == "none"
        bench.tell("silence 0.3")
        began = bench.tell("state")["at"]
        assert client.ask("feature(8)") == PROFILES["cyberpower"].features[8].hex()
        assert client.ask("time.monotonic()") - began >= 0.2


def test_interface_that_was_left_unbound_is_bound_again() -> None:
    """A program detaches usbhid and ends; the hidraw node is gone until somebody connects usbhid again."""
    inner = "fcntl.ioctl(usb, 0xC0105512, bytearray(struct.pack('iiQ', 0, {}, 0)))"
    with usb_bench("eaton-ellipse") as bench:
        with program(bench) as client:
            client.ask("exec('import struct; usb = os.open(\"/dev/bus/usb/001/002\", os.O_RDWR)', globals())")
            assert client.ask(inner.format(0x5516)) == 0
            assert client.ask("report()") in ("", "EIO")
            assert client.ask("feature(6)") == "ENODEV"
            assert client.ask("os.path.exists('/dev/hidraw0')") is False
            assert client.ask("os.path.lexists('/sys/bus/usb/devices/1-2:1.0/driver')") is False
            assert bench.tell("state")["driver"] is None
            assert client.ask(inner.format(0x5517)) == 1
            assert client.ask("os.listdir('/sys/class/hidraw')") == ["hidraw1"]
        assert bench.tell("state")["driver"] == "usbhid"
