# SPDX-License-Identifier: GPL-2.0-or-later
"""Serves virtual UPSes to programs that run under umockdev, as usbfs and hidraw of the kernel would.

Start it with the system's Python (for PyGObject) under `umockdev-wrapper`:

    umockdev-wrapper /usr/bin/python3 -m ridethrough.sim.usb.umockdev_host eaton-ellipse cyberpower@1-3

Its first line of output tells the directory that programs get in UMOCKDEV_DIR.  Then each line of input is a
command (see `commands`) and each line of output its answer, both until the input ends.
Source: the manual of umockdev's UMockdevTestbed and UMockdevIoctlBase.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final

from ridethrough.sim.usb import sysfs
from ridethrough.sim.usb.bus import Bus, Port
from ridethrough.sim.usb.commands import obey, profile_of
from ridethrough.sim.usb.device import VirtualUps
from ridethrough.sim.usb.hidraw_node import HidrawNode
from ridethrough.sim.usb.memory import Client
from ridethrough.sim.usb.usbfs_node import UsbfsNode

PACE_S: Final = 0.002
"""How often a reader of hidraw is looked at that has not yet taken the report before."""
DRIVER_LINK: Final = "../../../../../../bus/usb/drivers/usbhid"


def umockdev() -> Any:
    """The library; ImportError or ValueError where it is not installed."""
    importlib.import_module("gi").require_version("UMockdev", "1.0")
    return importlib.import_module("gi.repository.UMockdev")


class HidrawPipe:
    """The readable side of a hidraw node: a byte stream here, so a report goes in when the last is out."""

    def __init__(self, master: int, terminal: str) -> None:
        """`master` belongs to the testbed; `terminal` is the name of the other end."""
        self._master, self.terminal = master, terminal
        self._slave = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
        self.readers = 0

    def idle(self) -> bool:
        """Whether the reader has taken all; by select, as umockdev would answer an ioctl of ours too."""
        return not select.select([self._slave], [], [], 0)[0]

    def write(self, report: bytes) -> None:
        """Give a report to the reader."""
        os.write(self._master, report)

    def hang_up(self) -> None:
        """End it for the reader; the testbed still owns the number of the descriptor."""
        os.close(self._slave)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, self._master)
        os.close(nothing)


class Host:
    """The testbed and the bus.

    One lock guards both, for calls come from umockdev's thread, from the input and from the clock.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._testbed = library.Testbed.new()
        self._lock = threading.Condition()
        self._pipes: dict[str, HidrawPipe] = {}
        self._running = True
        self.bus = Bus(self)
        self._testbed.add_from_string(sysfs.hub())

    @property
    def root(self) -> str:
        """What programs need as UMOCKDEV_DIR."""
        return str(self._testbed.get_root_dir())

    def plug(self, busport: str, device: VirtualUps) -> None:
        """Plug a device in for the first time."""
        with self._at_work():
            self.bus.plug(busport, device)

    # What the bus does to the machine.

    def appear(self, port: Port) -> None:
        """Show the device in /sys and /dev."""
        self._testbed.add_from_string(sysfs.usb(port.device.profile, port.place))
        node = UsbfsNode(self.bus, port)
        self._attach(f"/dev/{port.place.node}", node.opened, node.ioctl, node.closed)

    def vanish(self, port: Port) -> None:
        """Take the device out of /sys and /dev."""
        self._testbed.detach_ioctl(f"/dev/{port.place.node}")
        self._remove(port.place.interface)
        self._remove(port.place.path)

    def bind(self, port: Port) -> None:
        """Show the HID device and its hidraw node."""
        self._testbed.add_from_string(sysfs.hid(port.device.profile, port.place, port.hidraw))
        self._testbed.set_attribute_link(f"/sys{port.place.interface}", "driver", DRIVER_LINK)
        name = f"/dev/hidraw{port.hidraw}"
        terminal = os.readlink(self.root + name)
        pipe = HidrawPipe(self._testbed.get_dev_fd(name), terminal)
        self._pipes[port.place.busport] = pipe
        node = HidrawNode(self.bus, port)

        def opened(client: Client) -> None:
            pipe.readers += 1
            port.device.forget_inputs()

        def closed(client: Client) -> None:
            pipe.readers -= 1

        self._attach(name, opened, node.ioctl, closed)

    def unbind(self, port: Port) -> None:
        """Take the HID device and its hidraw node away."""
        self._testbed.detach_ioctl(f"/dev/hidraw{port.hidraw}")
        hid = sysfs.hid_path(port.device.profile, port.place)
        self._remove(f"{hid}/hidraw/hidraw{port.hidraw}")
        self._remove(hid)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.root}/sys{port.place.interface}/driver")
        pipe = self._pipes.pop(port.place.busport)
        pipe.hang_up()
        # The kernel hands the same terminal out again, and umockdev trips over what it has kept of it.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.root}/dev/.ptymap/{pipe.terminal.replace('/', '_')}")

    def _remove(self, path: str) -> None:
        """Take one device out of /sys; umockdev before 0.18 tells nobody by itself, and forgets children."""
        self._testbed.uevent(f"/sys{path}", "remove")
        self._testbed.remove_device(f"/sys{path}")

    def _attach(
        self,
        name: str,
        opened: Callable[[Client], None],
        ioctl: Callable[[Client, int, bytes], None],
        closed: Callable[[Client], None],
    ) -> None:
        """Let umockdev call us for a device node."""
        known: dict[Any, Client] = {}

        def on_open(_: Any, raw: Any) -> None:
            with self._at_work():
                client = known[raw] = Client(raw)
                opened(client)
            raw.connect("notify::connected", on_close)

        def on_close(raw: Any, *_: Any) -> None:
            with self._at_work():
                client = known.pop(raw, None)
                if client is not None:
                    client.gone = True
                    closed(client)

        def on_ioctl(_: Any, raw: Any) -> bool:
            with self._at_work():
                client = known[raw]
                try:
                    ioctl(client, *client.begin())
                except Exception:
                    traceback.print_exc()
                    client.fail(errno.EIO)
            return True

        handler = self._library.IoctlBase.new()
        handler.connect("client-connected", on_open)
        handler.connect("handle-ioctl", on_ioctl)
        self._testbed.attach_ioctl(name, handler)

    # The clock and the input.

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Hold the lock, with the time read before and all consequences drawn after."""
        with self._lock:
            self.bus.now = time.monotonic()
            yield
            self._stir()
            self._lock.notify_all()

    def _stir(self) -> None:
        """Let everything happen that can happen now; the lock is held."""
        self.bus.stir()
        for busport, pipe in self._pipes.items():
            device = self.bus.ports[busport].device
            while pipe.readers and pipe.idle():
                report = device.interrupt()
                if report is None:
                    break
                pipe.write(report)

    def run(self) -> None:
        """Keep the time until `stop`."""
        with self._lock:
            while self._running:
                self.bus.now = time.monotonic()
                self._stir()
                pause = self.bus.next_deadline() - time.monotonic()
                if any(pipe.readers and not pipe.idle() for pipe in self._pipes.values()):
                    pause = min(pause, PACE_S)
                self._lock.wait(min(max(pause, 0.0005), 1.0))

    def stop(self) -> None:
        """End `run`."""
        with self._lock:
            self._running = False
            self._lock.notify_all()

    def obey(self, line: str) -> dict[str, object]:
        """Carry out a line of input."""
        with self._at_work():
            answer = obey(self.bus, line)
            answer["at"] = time.monotonic()
        return answer

    def listen(self) -> None:
        """Answer lines until the input ends."""
        try:
            for line in sys.stdin:
                if line.strip():
                    print(json.dumps(self.obey(line.strip())), flush=True)
        finally:
            self.stop()


def main(arguments: list[str]) -> int:
    """Serve the devices named: a profile of ours, or the file of a recording, each with `@busport` or not."""
    try:
        library = umockdev()
    except (ImportError, ValueError) as error:
        print(
            f"umockdev cannot be used: {error}; install gir1.2-umockdev-1.0 and python3-gi", file=sys.stderr
        )
        return 2
    host = Host(library)
    for count, argument in enumerate(arguments, 2):
        name, _, busport = argument.partition("@")
        try:
            device = VirtualUps(profile_of(name), os.urandom)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        host.plug(busport or f"1-{count}", device)
    print(json.dumps({"root": host.root, "ports": list(host.bus.ports)}), flush=True)
    threading.Thread(target=host.listen, daemon=True).start()
    host.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
