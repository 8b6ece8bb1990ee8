# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Debian packages the tests need, what this machine is, and whether they may be installed on it.

`decide` is pure.  `look` reads a machine (or the fake one below `root`) and changes nothing.
"""

from __future__ import annotations

import contextlib
import enum
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

OVERRIDE = "--install-system"


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package, the pytest marker of the tests that need it, and a file that proves it is there."""

    name: str
    marker: str
    proof: str


# One line for each package; several may serve one marker.
PACKAGES = (
    Package("nut-server", "cnut", "lib/nut/upsd"),
    Package("nut-client", "cnut", "lib/nut/upsmon"),
    Package("umockdev", "umockdev", "usr/bin/umockdev-wrapper"),
    Package("gir1.2-umockdev-1.0", "umockdev", "usr/share/doc/gir1.2-umockdev-1.0/copyright"),
    Package("python3-gi", "umockdev", "usr/lib/python3/dist-packages/gi/module.py"),
    Package("dbus-daemon", "dbus", "usr/bin/dbus-daemon"),
)

# What each marker stands for, as pytest and the messages name it.
MARKERS = {
    "cnut": "Debian's C NUT",
    "dbus": "a D-Bus daemon",
    "umockdev": "umockdev, which fakes USB devices for a program",
}

NUT_UNITS = ("nut-server.service", "nut-monitor.service")
NUT_DAEMONS = frozenset({"upsd", "upsmon", "upssched"})
# The kernel cuts the name of a process after 15 bytes.  Drivers are known by their directory as well.
NUT_DRIVERS = frozenset(
    "usbhid-ups nutdrv_qx blazer_ser blazer_usb snmp-ups netxml-ups nut-ipmipsu apcsmart apc_modbus "
    "apcupsd-ups dummy-ups clone genericups bcmxcp bcmxcp_usb mge-shut mge-utalk powercom powerpanel "
    "tripplite tripplite_usb riello_ser riello_usb upscode2 victronups".split()
)
NUT_DIRECTORY = re.compile(r"/(lib|libexec)/nut/|/ups/s?bin/")
MODE_LINE = re.compile(r"""^\s*MODE\s*=\s*["']?([^"'#\s]*)""", re.MULTILINE)


class Action(enum.Enum):
    """What is to be done about the packages."""

    NOTHING = "nothing"
    INSTALL = "install"
    REFUSE = "refuse"
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Machine:
    """What matters about the machine: facts only, no judgement."""

    missing: tuple[Package, ...] = ()
    has_apt: bool = True
    is_root: bool = True
    has_sudo: bool = False
    nut_signs: tuple[str, ...] = ()
    proxmox_signs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """An action, and the reason for anything but NOTHING, fit to stand after a colon."""

    action: Action
    reason: str = ""


def decide(machine: Machine, *, override: bool = False) -> Decision:
    """Say whether the missing packages are to be installed.

    A machine that may already protect somebody's power (a NUT of any kind, a Proxmox host) is left
    alone unless the person at the keyboard says otherwise with `override`.
    """
    if not machine.missing:
        return Decision(Action.NOTHING)
    names = " ".join(package.name for package in machine.missing)
    missing = f"missing Debian packages: {names}"
    if not machine.has_apt:
        return Decision(Action.CANNOT, f"{missing}; there is no apt-get here")
    signs = machine.proxmox_signs + machine.nut_signs
    if signs and not override:
        why = f"not installed because {', '.join(signs)}; './dev test {OVERRIDE}' installs them all the same"
        return Decision(Action.REFUSE, f"{missing}; {why}")
    if not (machine.is_root or machine.has_sudo):
        return Decision(Action.CANNOT, f"{missing}; neither root nor passwordless sudo to install them")
    return Decision(Action.INSTALL, missing)


def missing_packages(root: Path = Path("/")) -> tuple[Package, ...]:
    """Return the packages of the table whose proof isn't there; starts no process."""
    return tuple(package for package in PACKAGES if not (root / package.proof).exists())


def unmet_markers(reason: str, missing: Iterable[Package] | None = None) -> dict[str, str]:
    """Map every marker that misses a package to `reason`."""
    packages = missing_packages() if missing is None else missing
    return {package.marker: reason for package in packages}


def look(root: Path = Path("/"), *, is_root: bool, unit_is_active: Callable[[str], bool]) -> Machine:
    """Read the machine whose file system begins at `root`."""
    return Machine(
        missing=missing_packages(root),
        has_apt=(root / "usr/bin/apt-get").exists(),
        is_root=is_root,
        has_sudo=not is_root and root == Path("/") and sudo_works(),
        nut_signs=tuple(nut_signs(root, unit_is_active)),
        proxmox_signs=tuple(proxmox_signs(root)),
    )


def proxmox_signs(root: Path) -> list[str]:
    """Return what shows that this is a Proxmox host."""
    signs = ("etc/pve", "usr/bin/pveversion", "var/lib/dpkg/info/pve-manager.list")
    return [f"this is a Proxmox host (/{sign})" for sign in signs if (root / sign).exists()][:1]


def nut_signs(root: Path, unit_is_active: Callable[[str], bool]) -> list[str]:
    """Return what shows that this machine runs, or is set up to run, a NUT of its own."""
    signs = [f"{name} is running (pid {pid})" for pid, name in nut_processes(root)]
    for unit in NUT_UNITS:
        if unit_is_active(unit):
            signs.append(f"{unit} is active")
        elif any(os.path.lexists(wants / unit) for wants in (root / "etc/systemd/system").glob("*.wants")):
            signs.append(f"{unit} is enabled")
    mode = nut_mode(root)
    if mode != "none":
        signs.append(f"/etc/nut/nut.conf says MODE={mode}")
    return signs


def nut_mode(root: Path) -> str:
    """Return MODE of nut.conf in lower case; `none` where there is no such file or line."""
    try:
        text = (root / "etc/nut/nut.conf").read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return "none"
    except OSError:
        return "unreadable"
    found = MODE_LINE.findall(text)
    return (found[-1].lower() or "none") if found else "none"


def nut_processes(root: Path) -> list[tuple[int, str]]:
    """Return (pid, name) of every live daemon or driver of a NUT."""
    found = []
    for entry in sorted((root / "proc").glob("[0-9]*")):
        comm = _read(entry / "comm").strip()
        program = _read(entry / "cmdline").split("\0")[0]
        with contextlib.suppress(OSError):  # another user's process, or one that has just ended
            program = str((entry / "exe").readlink())
        if comm in NUT_DAEMONS or comm in NUT_DRIVERS or NUT_DIRECTORY.search(program):
            found.append((int(entry.name), comm or program))
    return found


def _read(path: Path) -> str:
    """Return a small file of /proc as text, or nothing if the process has gone or hides it."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def sudo_works() -> bool:
    """Say whether sudo asks for no password."""
    if shutil.which("sudo") is None:
        return False
    return (
        subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False, timeout=30).returncode == 0
    )


def systemd_says_active(unit: str) -> bool:
    """Ask systemd, where it runs, whether `unit` is active."""
    if not Path("/run/systemd/system").is_dir() or shutil.which("systemctl") is None:
        return False
    command = ["systemctl", "is-active", "--quiet", unit]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
