# SPDX-License-Identifier: GPL-2.0-or-later
"""Install the Debian packages that tests need, without any of their services being started.

Debian starts what it installs.  A `policy-rc.d` that answers 101 forbids that; ours is there only while
apt-get configures, and whatever stood there before is put back, also after an interruption.
Run as root: `python3 -m tools.system_install PACKAGE...`; nobody but `ensure` needs to call it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tools import system_look
from tools.system_look import Action, Decision

ROOT = Path(__file__).resolve().parent.parent
POLICY = "usr/sbin/policy-rc.d"
SAVED = "usr/sbin/policy-rc.d.before-ridethrough"
LOCK = "run/lock/ridethrough-system-install"
MARK = (
    "# put here by ridethrough's ./dev test while it installs packages; remove it if that was interrupted\n"
)
DENIAL = f"#!/bin/sh\n{MARK}exit 101\n"

APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=1")
INSTALL = ("install", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold")
TAIL_LINES = 15


class InstallError(Exception):
    """The packages could not be installed, or not quietly; the message says what to do."""


def denial_stands(root: Path) -> bool:
    """Say whether our denial is in place."""
    try:
        return MARK in (root / POLICY).read_text("utf-8", "replace")
    except OSError:
        return False


def restore_policy(root: Path) -> None:
    """Remove our denial and put back what stood in its place.  Does nothing where there is no denial."""
    policy, saved = root / POLICY, root / SAVED
    if denial_stands(root):
        policy.unlink()
    if os.path.lexists(saved) and not os.path.lexists(policy):
        saved.rename(policy)


@contextlib.contextmanager
def policy_locked(root: Path) -> Iterator[None]:
    """Let one process at a time touch policy-rc.d; a denial that a killed one has left behind is healed."""
    lock = root / LOCK
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        restore_policy(root)
        yield


@contextlib.contextmanager
def services_denied(root: Path) -> Iterator[None]:
    """Forbid Debian's packages to start services inside the block."""
    with policy_locked(root):
        policy, saved = root / POLICY, root / SAVED
        try:
            if os.path.lexists(policy):
                policy.rename(saved)
            policy.write_text(DENIAL, "utf-8")
            policy.chmod(0o755)
            yield
        finally:
            restore_policy(root)


@contextlib.contextmanager
def signals_held() -> Iterator[list[int]]:
    """Note SIGINT, SIGTERM and SIGHUP instead of dying of them inside the block; yields the list of notes."""
    notes: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda got, _frame: notes.append(got)) for number in numbers}
    try:
        yield notes
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_apt(arguments: Sequence[str]) -> None:
    """Run apt-get to its end, whatever signals come; InstallError with its last lines if it fails.

    dpkg must not be cut off in the middle: it would go on alone, and start services once the denial is
    gone.  So apt-get gets a session of its own, and the caller looks at the signals afterwards.
    """
    command = [*APT, *arguments]
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        start_new_session=True,
        check=False,
    )
    if result.returncode != 0:
        tail = result.stdout.decode("utf-8", "replace").splitlines()[-TAIL_LINES:]
        raise InstallError("\n  ".join([f"'{' '.join(command)}' failed:", *tail]))


def install(
    names: Sequence[str], root: Path = Path("/"), apt: Callable[[Sequence[str]], None] = run_apt
) -> None:
    """Install `names` as root, services denied.  Raises InstallError, or KeyboardInterrupt after a signal.

    Everything is fetched first; only the part without a network runs under the denial.
    """
    with signals_held() as notes:
        try:
            apt([*INSTALL, "--download-only", *names])
        except InstallError:
            _stop_if(notes)
            apt(["update"])  # the lists are missing in a fresh container, or too old
            _stop_if(notes)
            apt([*INSTALL, "--download-only", *names])
        _stop_if(notes)
        with services_denied(root):
            apt([*INSTALL, "--no-download", *names])
        _stop_if(notes)


def _stop_if(notes: Sequence[int]) -> None:
    """Raise KeyboardInterrupt if a signal was noted."""
    if notes:
        raise KeyboardInterrupt


def stop_started(before: Sequence[tuple[int, str]], root: Path = Path("/")) -> None:
    """Stop the services that the installation started in spite of the denial, and complain about them."""
    old = {pid for pid, _name in before}
    new = [name for pid, name in system_look.nut_processes(root) if pid not in old]
    if not new:
        return
    units = ["nut-monitor.service", "nut-server.service", "nut-driver.target", "nut-driver@*.service"]
    subprocess.run(["systemctl", "stop", *units], check=False, capture_output=True, timeout=120)
    raise InstallError(
        f"the installation started {', '.join(new)} in spite of policy-rc.d; stopped, look after it"
    )


def ensure(*, override: bool, say: Callable[[str], None]) -> Decision:
    """Install what is missing if that may be done.  Returns what was decided; CANNOT if it failed."""
    is_root = os.geteuid() == 0
    if is_root and denial_stands(Path("/")):
        with policy_locked(Path("/")):  # waits for a run that is still busy, heals after one that was killed
            pass
    if not system_look.missing_packages():
        return Decision(Action.NOTHING)
    machine = system_look.look(is_root=is_root, unit_is_active=system_look.systemd_says_active)
    decision = system_look.decide(machine, override=override)
    if decision.action is not Action.INSTALL:
        return decision
    names = [package.name for package in machine.missing]
    say(f"installing {' '.join(names)} with apt-get (no service is started)")
    prefix = [] if is_root else ["sudo", "-n"]
    # -B: root must not leave byte code in somebody else's checkout.
    status, errors = run_to_end([*prefix, sys.executable, "-B", "-m", "tools.system_install", *names])
    if status != 0 or system_look.missing_packages():
        return Decision(Action.CANNOT, f"could not install {' '.join(names)}: {errors or f'status {status}'}")
    return decision


def run_to_end(command: Sequence[str]) -> tuple[int, str]:
    """Run `command` from the root of the project; return its status and what it wrote as errors.

    A signal is handed on, and the end of the command is awaited before KeyboardInterrupt is raised.
    """
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # sudo relays no signal that comes from its own process group
    )
    with signals_held() as notes:
        handed_on = False
        while True:
            try:
                _nothing, errors = child.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if notes and not handed_on:
                    handed_on = True
                    with contextlib.suppress(PermissionError):  # sudo's; then it simply goes on to its end
                        child.terminate()
    if notes:
        raise KeyboardInterrupt
    return child.returncode, errors.decode("utf-8", "replace").strip()


def main(names: Sequence[str]) -> int:
    """Install `names`; for root."""
    known = {package.name for package in system_look.PACKAGES}
    if not names or not known.issuperset(names):
        print(f"system_install: packages are: {' '.join(sorted(known))}", file=sys.stderr)
        return 2
    before = system_look.nut_processes(Path("/"))
    try:
        install(names)
        stop_started(before)
    except InstallError as error:
        print(f"system_install: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
