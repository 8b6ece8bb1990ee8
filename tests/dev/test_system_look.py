# SPDX-License-Identifier: GPL-2.0-or-later
"""When ./dev test may install Debian packages, and when it keeps its hands off a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.system_look import (
    MARKERS,
    PACKAGES,
    Action,
    Decision,
    Machine,
    decide,
    look,
    missing_packages,
    nut_mode,
    unmet_markers,
)


def fake(root: Path, **files: str) -> None:
    """Write files below `root`; `__` in a name stands for `/`, `_dot_` for a dot."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def process(root: Path, pid: int, comm: str, program: str) -> None:
    """Add a process to the fake /proc."""
    place = root / "proc" / str(pid)
    place.mkdir(parents=True)
    (place / "comm").write_text(f"{comm}\n")
    (place / "cmdline").write_bytes(f"{program}\0-F\0".encode())


def judged(root: Path, *, override: bool = False, is_root: bool = True, active: str = "") -> Decision:
    """Look at a fake machine that has apt-get, and decide."""
    fake(root, **{"usr__bin__apt-get": ""})
    machine = look(root, is_root=is_root, unit_is_active=lambda unit: unit == active)
    return decide(machine, override=override)


def test_bare_machine_is_installed_on(tmp_path: Path) -> None:
    """A Debian without any NUT gets the packages."""
    decision = judged(tmp_path)
    assert decision.action is Action.INSTALL
    assert "nut-server nut-client" in decision.reason


def test_nothing_to_do_when_all_is_there(tmp_path: Path) -> None:
    """Where the files of the packages are there, nothing is looked at any further, not even a Proxmox."""
    for package in PACKAGES:
        fake(tmp_path, **{package.proof.replace("/", "__"): ""})
    fake(tmp_path, usr__bin__pveversion="")
    assert judged(tmp_path) == Decision(Action.NOTHING)


@pytest.mark.parametrize(
    "sign",
    ["etc__pve__storage_dot_cfg", "usr__bin__pveversion", "var__lib__dpkg__info__pve-manager_dot_list"],
)
def test_proxmox_is_left_alone(tmp_path: Path, sign: str) -> None:
    """A Proxmox host is refused, and the way to insist is named."""
    fake(tmp_path, **{sign: ""})
    decision = judged(tmp_path)
    assert decision.action is Action.REFUSE
    assert "Proxmox" in decision.reason
    assert "--install-system" in decision.reason


@pytest.mark.parametrize(
    ("comm", "program"),
    [
        ("upsd", "/lib/nut/upsd"),
        ("upsmon", "upsmon"),
        ("usbhid-ups", "/lib/nut/usbhid-ups"),
        ("someotherdriver", "/usr/lib/nut/someotherdriver"),
        ("someotherdriver", "/usr/local/ups/bin/someotherdriver"),
    ],
)
def test_live_nut_is_left_alone(tmp_path: Path, comm: str, program: str) -> None:
    """A running daemon or driver of a NUT is a reason to refuse, whichever way it was installed."""
    process(tmp_path, 812, comm, program)
    decision = judged(tmp_path)
    assert decision.action is Action.REFUSE
    assert f"{comm} is running (pid 812)" in decision.reason


def test_other_processes_do_not_matter(tmp_path: Path) -> None:
    """Names that merely resemble a NUT are no reason."""
    process(tmp_path, 7, "upstart", "/usr/sbin/upstart")
    process(tmp_path, 8, "python3", "/usr/bin/python3")
    assert judged(tmp_path).action is Action.INSTALL


def test_executable_is_looked_at(tmp_path: Path) -> None:
    """A driver that calls itself something else is known by its executable."""
    process(tmp_path, 9, "renamed", "ups-driver")
    (tmp_path / "proc/9/exe").symlink_to("/usr/lib/nut/nutdrv_qx")
    assert judged(tmp_path).action is Action.REFUSE


def test_enabled_or_active_unit_is_left_alone(tmp_path: Path) -> None:
    """A unit that will start with the next boot counts like one that runs."""
    assert "nut-server.service is active" in judged(tmp_path, active="nut-server.service").reason
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    # The link points outside of the fake root, as it would on a machine whose package is gone.
    (wants / "nut-monitor.service").symlink_to("/nowhere/nut-monitor.service")
    assert "nut-monitor.service is enabled" in judged(tmp_path).reason


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("MODE=none\n", "none"),
        ("# MODE=standalone\n", "none"),
        ("MODE=\n", "none"),
        ("MODE=standalone\n", "standalone"),
        ('  MODE = "NetServer" # here\n', "netserver"),
        ("MODE=none\nMODE='netclient'\n", "netclient"),
    ],
)
def test_mode_is_read(tmp_path: Path, text: str, mode: str) -> None:
    """Any MODE but none says that somebody has set a NUT up."""
    fake(tmp_path, etc__nut__nut_dot_conf=text)
    assert nut_mode(tmp_path) == mode
    assert judged(tmp_path).action is (Action.INSTALL if mode == "none" else Action.REFUSE)


def test_override_insists(tmp_path: Path) -> None:
    """--install-system installs in spite of all signs."""
    fake(tmp_path, usr__bin__pveversion="", etc__nut__nut_dot_conf="MODE=standalone\n")
    assert judged(tmp_path, override=True).action is Action.INSTALL


def test_without_rights_or_apt_nothing_can_be_done() -> None:
    """The reason says what is missing to install the packages."""
    without_apt = decide(Machine(missing=PACKAGES, has_apt=False))
    assert without_apt.action is Action.CANNOT
    assert "no apt-get" in without_apt.reason
    without_rights = decide(Machine(missing=PACKAGES, is_root=False))
    assert without_rights.action is Action.CANNOT
    assert "passwordless sudo" in without_rights.reason
    assert decide(Machine(missing=PACKAGES, is_root=False, has_sudo=True)).action is Action.INSTALL


def test_markers_and_packages_fit_together(tmp_path: Path) -> None:
    """Every package serves a marker that is described, and every missing one makes it unmet."""
    assert {package.marker for package in PACKAGES} == set(MARKERS)
    assert unmet_markers("why", missing_packages(tmp_path)) == dict.fromkeys(MARKERS, "why")
