# SPDX-License-Identifier: GPL-2.0-or-later
"""The ioctls of usbfs and hidraw read and write the program's memory as the kernel does."""

from __future__ import annotations

import struct

from ridethrough.sim.usb.bus import Bus, Port
from ridethrough.sim.usb.device import Fault
from ridethrough.sim.usb.hidraw_node import HidrawNode
from ridethrough.sim.usb.ioctls import URB_BYTES, Hidraw, Usbfs
from ridethrough.sim.usb.power import Power
from ridethrough.sim.usb.usbfs_node import UsbfsNode
from tests.support.usb_memory import Memory, plugged

GET_1 = bytes.fromhex("a101010300000800")


def libusb() -> tuple[Memory, Bus, Port]:
    """A program that has opened the usbfs node."""
    bus, port, _ = plugged()
    node = UsbfsNode(bus, port)
    program = Memory(node)
    node.opened(program.client)
    return program, bus, port


def hid_program() -> tuple[Memory, Bus, Port]:
    """A program that has opened the hidraw node."""
    bus, port, _ = plugged()
    return Memory(HidrawNode(bus, port)), bus, port


def urb(program: Memory, kind: int, endpoint: int, buffer: bytes) -> tuple[int, int]:
    """An URB in the program's memory: its address and its buffer's."""
    place = program.put(buffer)
    head = struct.pack("<BBxxiIxxxxQi", kind, endpoint, 0, 0, place, len(buffer))
    return program.put(head.ljust(URB_BYTES, b"\0")), place


def test_claiming_takes_the_interface_from_usbhid() -> None:
    """GETDRIVER names who drives it; DISCONNECT and CLAIM, CONNECT and RELEASE, as libusb uses them."""
    program, bus, port = libusb()
    name = program.put(bytes(260))
    number = program.put(bytes(4))
    detach = program.put(struct.pack("<iiQ", 0, Usbfs.DISCONNECT, 0))
    attach = program.put(struct.pack("<iiQ", 0, Usbfs.CONNECT, 0))
    assert program.call(Usbfs.GETDRIVER, name) == 0
    assert program.blocks[name][4:11] == b"usbhid\0"
    assert program.call(Usbfs.CLAIMINTERFACE, number) == "EBUSY"
    assert program.call(Usbfs.IOCTL, detach) == 0
    assert program.call(Usbfs.IOCTL, detach) == "ENODATA"
    assert program.call(Usbfs.GETDRIVER, name) == "ENODATA"
    assert program.call(Usbfs.CLAIMINTERFACE, number) == 0
    assert program.call(Usbfs.IOCTL, attach) == "EBUSY"
    assert program.call(Usbfs.RELEASEINTERFACE, number) == 0
    assert program.call(Usbfs.IOCTL, attach) == 1
    assert program.call(Usbfs.DISCONNECT_CLAIM, number) == 0
    assert bus.driver(port) == "usbfs"
    program.node.closed(program.client)
    assert bus.driver(port) is None


def test_urb_is_submitted_and_reaped() -> None:
    """The answer is in the buffer behind the setup bytes, status and length are in the URB."""
    program, _, _ = libusb()
    address, buffer = urb(program, 2, 0, GET_1 + bytes(8))
    pointer = program.put(bytes(8))
    assert program.call(Usbfs.SUBMITURB, address) == 0
    assert program.call(Usbfs.REAPURBNDELAY, pointer) == 0
    assert int.from_bytes(program.blocks[pointer], "little") == address
    assert program.blocks[buffer] == GET_1 + bytes.fromhex("0125000000000000")
    assert struct.unpack_from("<i", program.blocks[address], 4) == (0,)
    assert struct.unpack_from("<i", program.blocks[address], 28) == (3,)


def test_reaper_waits_for_a_report() -> None:
    """REAPURB waits as long as it takes, REAPURBNDELAY for a moment; both get a report at once."""
    program, bus, port = libusb()
    address, buffer = urb(program, 1, 0x81, bytes(64))
    pointer = program.put(bytes(8))
    assert program.call(Usbfs.SUBMITURB, address) == 0
    assert program.call(Usbfs.REAPURBNDELAY, pointer) is None
    bus.now += 0.02
    bus.stir()
    assert program.outcome() == "EAGAIN"
    assert program.call(Usbfs.REAPURB, pointer) is None
    bus.now += 1000
    bus.stir()
    assert program.outcome() is None
    port.device.set_power(Power.OB)
    bus.stir()
    assert program.outcome() == 0
    assert program.blocks[buffer][:3] == bytes.fromhex("013000")


def test_discarded_urb_is_reaped_as_cancelled() -> None:
    """A silent device's transfer ends with ENOENT when the program discards it."""
    program, _, port = libusb()
    port.device.fault = Fault.SILENCE
    address, _ = urb(program, 2, 0, GET_1 + bytes(8))
    pointer = program.put(bytes(8))
    assert program.call(Usbfs.SUBMITURB, address) == 0
    assert program.call(Usbfs.DISCARDURB, address) == 0
    assert program.call(Usbfs.REAPURB, pointer) == 0
    assert struct.unpack_from("<i", program.blocks[address], 4) == (-2,)


def test_unplug_wakes_the_reaper() -> None:
    """A program that waits for reports learns at once that the device has gone."""
    program, bus, port = libusb()
    address, _ = urb(program, 1, 0x81, bytes(64))
    pointer = program.put(bytes(8))
    program.call(Usbfs.SUBMITURB, address)
    program.call(Usbfs.REAPURB, pointer)
    bus.unplug(port)
    bus.stir()
    assert program.outcome() == 0
    assert struct.unpack_from("<i", program.blocks[address], 4) == (-108,)
    assert program.call(Usbfs.REAPURB, pointer) == "ENODEV"
    assert program.call(Usbfs.CLEAR_HALT, pointer) == "ENODEV"


def test_control_ioctl_has_a_time_limit() -> None:
    """CONTROL gives the data and its length, EPIPE for a stall, ETIMEDOUT when the device stays silent."""
    program, bus, port = libusb()
    data = program.put(bytes(8))
    control = program.put(GET_1 + struct.pack("<IxxxxQ", 1000, data))
    assert program.call(Usbfs.CONTROL, control) == 3
    assert program.blocks[data][:3] == bytes.fromhex("012500")
    port.device.fault = Fault.STALL
    assert program.call(Usbfs.CONTROL, control) == "EPIPE"
    port.device.fault = Fault.SILENCE
    assert program.call(Usbfs.CONTROL, control) is None
    bus.now += 1.0
    bus.stir()
    assert program.outcome() == "ETIMEDOUT"
    port.device.fault = Fault.NONE
    sent = program.put(b"\x08\x1e")
    setup = bytes.fromhex("2109080300000200")
    assert program.call(Usbfs.CONTROL, program.put(setup + struct.pack("<IxxxxQ", 0, sent))) == 2
    assert port.device.log[-1] == "set feature 08 08 1e -> ok"


def test_small_facts_of_usbfs() -> None:
    """Speed, capabilities and connection are answered; null pointers and unknown requests are errors."""
    program, _, port = libusb()
    four, eight = program.put(bytes(4)), program.put(bytes(8))
    assert program.call(Usbfs.GET_SPEED) == 1
    assert program.call(Usbfs.GET_CAPABILITIES, four) == 0
    assert program.call(Usbfs.CONNECTINFO, eight) == 0
    assert program.blocks[eight] == struct.pack("<IB3x", 2, 1)
    assert program.call(Usbfs.SETCONFIGURATION, four) == 0
    assert program.call(Usbfs.GET_CAPABILITIES) == "EFAULT"
    assert program.call(Usbfs.SUBMITURB) == "EFAULT"
    assert program.call(Usbfs.CONTROL) == "EFAULT"
    assert program.call(0x5555) == "ENOTTY"
    inner = program.put(struct.pack("<iiQ", 0, 0x5599, 0))
    assert program.call(Usbfs.IOCTL, inner) == "ENOTTY"
    port.device.fault = Fault.STALL
    assert program.call(Usbfs.RESET) == 0
    assert port.device.fault is Fault.NONE


def test_program_that_dies_while_it_waits_is_forgotten() -> None:
    """Nobody answers a closed connection, and nobody goes on waiting for it."""
    program, bus, port = libusb()
    pointer = program.put(bytes(8))
    assert program.call(Usbfs.REAPURB, pointer) is None
    program.client.gone = True
    program.node.closed(program.client)
    port.device.set_power(Power.OB)
    bus.stir()
    assert program.outcome() is None


def request(what: Hidraw, length: int) -> int:
    """A request with its length."""
    return what | length << 16


def test_hidraw_facts() -> None:
    """The descriptor, its length, identity, name, place and serial number."""
    program, _, port = hid_program()
    descriptor = port.device.profile.report_descriptor
    size = program.put(bytes(4))
    assert program.call(request(Hidraw.GRDESCSIZE, 4), size) == 0
    assert program.blocks[size] == struct.pack("<i", len(descriptor))
    whole = program.put(struct.pack("<i", len(descriptor)) + bytes(4096))
    assert program.call(request(Hidraw.GRDESC, 4100), whole) == 0
    assert program.blocks[whole][4:].rstrip(b"\0") == descriptor.rstrip(b"\0")
    identity = program.put(bytes(8))
    assert program.call(request(Hidraw.GRAWINFO, 8), identity) == 0
    assert program.blocks[identity] == struct.pack("<IHH", 3, 0x0463, 0xFFFF)
    for what, text in (
        (Hidraw.GRAWNAME, b"EATON Ellipse PRO\0"),
        (Hidraw.GRAWPHYS, b"usb-0000:00:14.0-2/input0\0"),
        (Hidraw.GRAWUNIQ, b"VIRTUAL0001\0"),
    ):
        place = program.put(bytes(64))
        assert program.call(request(what, 64), place) == len(text)
        assert program.blocks[place].startswith(text)
    assert program.call(request(Hidraw.GRAWNAME, 4), program.put(bytes(4))) == 4
    assert program.call(0x80044899, program.put(bytes(4))) == "EINVAL"


def test_hidraw_features_wait_five_seconds() -> None:
    """Features go both ways; the kernel gives a silent device five seconds; a node outlives no unbind."""
    program, bus, port = hid_program()
    place = program.put(b"\1" + bytes(7))
    get = request(Hidraw.GFEATURE, 8)
    assert program.call(get, place) == 3
    assert program.blocks[place][:3] == bytes.fromhex("012500")
    assert program.call(request(Hidraw.SFEATURE, 2), program.put(b"\x08\x1e")) == 2
    assert port.device.log[-1] == "set feature 08 08 1e -> ok"
    port.device.fault = Fault.SILENCE
    assert program.call(get, place) is None
    bus.now += 4.9
    bus.stir()
    assert program.outcome() is None
    bus.now += 0.2
    bus.stir()
    assert program.outcome() == "ETIMEDOUT"
    port.device.fault = Fault.STALL
    assert program.call(get, place) == "EPIPE"
    bus.disconnect(port)
    assert program.call(get, place) == "ENODEV"
    bus.connect(port)
    assert program.call(get, place) == "ENODEV"
