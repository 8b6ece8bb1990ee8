# SPDX-License-Identifier: GPL-2.0-or-later
"""Installing Debian packages without their services being started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools import system_install
from tools.system_install import POLICY, SAVED, InstallError, install

NAMES = ["nut-server", "nut-client"]


class FakeApt:
    """Notes each call of apt-get, and what policy-rc.d answered during it."""

    def __init__(self, root: Path, fails: Sequence[str] = (), signal_in: str = "") -> None:
        """`fails`: the steps that fail, once each; `signal_in`: the step during which SIGTERM comes."""
        self.root = root
        self.fails = list(fails)
        self.signal_in = signal_in
        self.calls: list[tuple[str, int | None]] = []

    def __call__(self, arguments: Sequence[str]) -> None:
        """Behave as `run_apt`."""
        steps = {"update": "update", "--download-only": "fetch", "--no-download": "configure"}
        step = next(name for word, name in steps.items() if word in arguments)
        self.calls.append((step, self.policy()))
        if step == self.signal_in:
            os.kill(os.getpid(), signal.SIGTERM)
        if step in self.fails:
            self.fails.remove(step)
            raise InstallError("it failed")

    def policy(self) -> int | None:
        """Ask policy-rc.d as invoke-rc.d does; None where there is none."""
        path = self.root / POLICY
        if not os.path.lexists(path):
            return None
        return subprocess.run([path, "nut-server", "start"], check=False).returncode


@pytest.fixture(name="root")
def fake_root(tmp_path: Path) -> Path:
    """An empty machine."""
    (tmp_path / POLICY).parent.mkdir(parents=True)
    return tmp_path


def earlier_policy(root: Path) -> None:
    """A policy of somebody else's."""
    (root / POLICY).write_text("#!/bin/sh\nexit 104\n")
    (root / POLICY).chmod(0o755)


def test_services_are_denied_only_while_configuring(root: Path) -> None:
    """policy-rc.d answers 101 while packages are configured, and is gone afterwards."""
    apt = FakeApt(root)
    install(NAMES, root, apt)
    assert apt.calls == [("fetch", None), ("configure", 101)]
    assert not os.path.lexists(root / POLICY)


def test_earlier_policy_is_put_back(root: Path) -> None:
    """A policy that was there before is there afterwards."""
    earlier_policy(root)
    apt = FakeApt(root)
    install(NAMES, root, apt)
    assert apt.calls == [("fetch", 104), ("configure", 101)]
    assert apt.policy() == 104
    assert not os.path.lexists(root / SAVED)


def test_earlier_policy_may_be_a_link(root: Path) -> None:
    """A link (Debian's alternatives) is put back as a link, and what it names isn't written to."""
    target = root / "target"
    target.write_text("#!/bin/sh\nexit 104\n")
    target.chmod(0o755)
    (root / POLICY).symlink_to(target)
    install(NAMES, root, FakeApt(root))
    assert (root / POLICY).is_symlink()
    assert target.read_text() == "#!/bin/sh\nexit 104\n"


def test_policy_is_put_back_after_a_failure(root: Path) -> None:
    """A failing apt-get leaves no denial behind."""
    earlier_policy(root)
    apt = FakeApt(root, fails=["configure"])
    with pytest.raises(InstallError):
        install(NAMES, root, apt)
    assert apt.policy() == 104


@pytest.mark.parametrize("step", ["fetch", "configure"])
def test_policy_is_put_back_after_a_signal(root: Path, step: str) -> None:
    """A signal ends the installation between two steps, with everything put back."""
    earlier_policy(root)
    apt = FakeApt(root, signal_in=step)
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        install(NAMES, root, apt)
    assert apt.calls[-1][0] == step
    assert apt.policy() == 104
    assert signal.getsignal(signal.SIGTERM) == handler


def test_denial_of_a_killed_run_is_healed(root: Path) -> None:
    """After SIGKILL in the middle the next run puts back what was there before."""
    earlier_policy(root)
    (root / POLICY).rename(root / SAVED)
    (root / POLICY).write_text(system_install.DENIAL)
    (root / POLICY).chmod(0o755)
    assert system_install.denial_stands(root)
    apt = FakeApt(root)
    install(NAMES, root, apt)
    assert apt.policy() == 104
    assert not system_install.denial_stands(root)


def test_lists_are_fetched_when_a_package_is_not_found(root: Path) -> None:
    """In a container without package lists apt-get update comes first."""
    apt = FakeApt(root, fails=["fetch"])
    install(NAMES, root, apt)
    assert [step for step, _policy in apt.calls] == ["fetch", "update", "fetch", "configure"]


def test_only_packages_of_the_table_are_installed(capsys: pytest.CaptureFixture[str]) -> None:
    """The part that runs as root takes no other names."""
    assert system_install.main(["bash"]) == 2
    assert "nut-server" in capsys.readouterr().err
