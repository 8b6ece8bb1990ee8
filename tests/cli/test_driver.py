# SPDX-License-Identifier: GPL-2.0-or-later
"""`dummy-ups` and `simulated-ups` as processes: options, pid file, refusals in one line, signals."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ridethrough.drivers.adjust import COMMANDS
from tests.support.cnut import state_directory
from tests.support.our_driver import START_S, command, environment, our_dummy_ups, wait_gone, write_section
from tests.support.ports import free_port
from tests.support.procs import started
from tests.support.wait import wait_until

DEV = "ups.status: OL\nups.mfr: Acme\nbattery.charge: 90\n"


@pytest.fixture
def state() -> Iterator[Path]:
    """A short directory for sockets and pid files."""
    with state_directory() as path:
        yield path


def run(
    conf: Path, state: Path, *options: str, driver: str = "dummy-ups"
) -> subprocess.CompletedProcess[str]:
    """Run a driver to its end."""
    return subprocess.run(
        [*command(driver), *options],
        env={**os.environ, **environment(conf, state)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of the error; there is no traceback."""
    assert done.returncode == 1, done
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_dump(tmp_path: Path, state: Path) -> None:
    """-d prints the banner and the sorted variables, escaped as in NUT's files, and leaves no file behind."""
    write_section(tmp_path / "c", "u", DEV + 'ups.contacts: the \\"office\\" \\# 1\n')
    done = run(tmp_path / "c", state, "-a", "u", "-u", "root", "-d", "1", "-x", "ignorelb_not", "-i", "3")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].startswith("Network UPS Tools - Device simulation and repeater driver")
    names = [line.split(":")[0] for line in lines[1:]]
    assert names == sorted(names)
    assert {"battery.charge: 90", "device.mfr: Acme", "driver.parameter.pollinterval: 3"} <= set(lines)
    assert {'ups.contacts: the \\"office\\" \\# 1', "driver.state: dumping"} <= set(lines)
    assert "no option 'ignorelb_not'" in done.stderr
    assert list(state.iterdir()) == []


def test_without_ups_conf(tmp_path: Path, state: Path) -> None:
    """-s with -x port=... needs no ups.conf at all."""
    done = run(tmp_path, state, "-s", "s", "-x", "port=auto", "-u", "root", "-d", "1", driver="simulated-ups")
    assert done.returncode == 0, done
    assert "ups.status: OL" in done.stdout.splitlines()


def test_refusals(tmp_path: Path, state: Path) -> None:
    """What is missing is said in one line that names it: UPS, section, driver, port, file, rubbish."""
    conf = tmp_path / "c"
    dev_file = write_section(conf, "u", DEV)
    assert "write: dummy-ups -a NAME" in refusal(run(conf, state))
    assert "no section [v]; it has: u" in refusal(run(conf, state, "-a", "v"))
    wrong = refusal(run(conf, state, "-a", "u", driver="simulated-ups"))
    assert "ups.conf:1: [u] is for the driver 'dummy-ups'" in wrong
    assert "has no port" in refusal(run(conf, state, "-s", "x"))
    assert "shutdown not supported" in refusal(run(conf, state, "-a", "u", "-u", "root", "-k"))
    dev_file.write_bytes(bytes(range(256)) * 4)
    assert "is not a definition file" in refusal(run(conf, state, "-a", "u", "-u", "root", "-d", "1"))
    dev_file.unlink()
    assert "cannot open" in refusal(run(conf, state, "-a", "u", "-u", "root", "-d", "1"))
    assert "no user 'nobody-here'" in refusal(run(conf, state, "-a", "u", "-u", "nobody-here"))


def test_the_last_instance_counts(tmp_path: Path, state: Path) -> None:
    """A second instance has the first one exit and takes its place, with a pid file or without; a stale pid
    file that names another process costs that one nothing; SIGTERM ends it cleanly."""
    with our_dummy_ups(tmp_path, "u", DEV, state) as driver:
        pid_file = state / "dummy-ups-u.pid"
        assert pid_file.read_text() == f"{driver.process.pid}\n"
        env = environment(driver.confpath, state)
        argv = [*command("dummy-ups"), "-a", "u", "-u", "root", "-F"]
        with started(argv, env=env, name="the second") as second:
            second.wait_output(f"runs already (pid {driver.process.pid}): it is told to exit", START_S)
            second.wait_output("listening on", START_S)
            assert driver.process.wait(START_S) == 0
            assert pid_of(state / "dummy-ups-u") == second.pid
            assert not pid_file.exists()
            pid_file.write_text(f"{os.getpid()}\n")
            with started([*argv, "-B", "-F", "-F"], env=env, name="the third") as third:
                third.wait_output("listening on", START_S)
                assert second.wait(START_S) == 0
                assert pid_of(state / "dummy-ups-u") == third.pid
                assert pid_file.read_text() == f"{third.pid}\n"
                third.send_signal(signal.SIGTERM)
                assert third.wait(START_S) == 0
    assert list(state.iterdir()) == []


def test_a_driver_that_does_not_obey_is_ended(tmp_path: Path, state: Path) -> None:
    """One that hangs before it listens is found by its pid file, and ended by signals."""
    conf = tmp_path / "c"
    write_section(conf, "u", DEV)
    script = "import time; time.sleep(60)"
    argv = [sys.executable, "-c", script, "-m", "ridethrough.cli.main", "dummy-ups", "-a", "u"]
    with started(argv, name="a driver that hangs") as hanging:
        (state / "dummy-ups-u.pid").write_text(f"{hanging.pid}\n")
        assert run(conf, state, "-a", "u", "-u", "root").returncode == 0
        try:
            assert hanging.wait(START_S) == -signal.SIGTERM
        finally:
            assert run(conf, state, "-a", "u", "-c", "e").returncode == 0
    wait_gone(state / "dummy-ups-u.pid")


def test_inside_serve(tmp_path: Path, state: Path) -> None:
    """A UPS that ridethrough serve drives itself is left to it, in words; another one may be started."""
    conf = tmp_path / "c"
    write_section(conf, "u", DEV)
    (conf / "nut.conf").write_text("MODE=netserver\n")
    (conf / "upsd.conf").write_text("")
    (conf / "upsd.users").write_text("")
    argv = [sys.executable, "-m", "ridethrough.cli.main", "serve", "--config", str(conf)]
    options = ["--state-dir", str(state), "--port", "0", "-u", "root"]
    with started([*argv, *options], name="serve") as serve:
        serve.wait_output("battery 90 %", START_S)
        for words in (("-a", "u", "-F"), ("-a", "u", "-c", "exit"), ("-s", "u", "-x", "port=u.dev", "-F")):
            said = refusal(run(conf, state, "-u", "root", *words))
            assert f"[u] ridethrough serve (pid {serve.pid}) drives this UPS itself" in said
        (conf / "ups.conf").write_text((conf / "ups.conf").read_text().replace("[u]", "[v]"))
        assert run(conf, state, "-a", "v", "-u", "root").returncode == 0
        assert run(conf, state, "-a", "v", "-c", "exit").returncode == 0
        wait_gone(state / "dummy-ups-v.pid")


def test_orders_inside_serve(tmp_path: Path, state: Path) -> None:
    """Over the network: NUT's commands are listed, a reload takes the changed section over, and what needs a
    restart has the driver begin anew in its place; driver.exit is for the socket of a driver only."""
    conf, port = tmp_path / "c", free_port()
    write_section(conf, "u", DEV)
    (conf / "nut.conf").write_text("MODE=netserver\n")
    (conf / "upsd.conf").write_text("")
    (conf / "upsd.users").write_text("[admin]\npassword = secret\ninstcmds = all\nactions = set\n")

    def tool(*words: str) -> subprocess.CompletedProcess[str]:
        return run(conf, state, *words, f"u@127.0.0.1:{port}", driver="upscmd")

    def order(name: str) -> str:
        login = ("-u", "admin", "-p", "secret", "-w", "-t", "10", f"u@127.0.0.1:{port}", name)
        done = run(conf, state, *login, driver="upscmd")
        return done.stdout + done.stderr

    def value(name: str) -> str:
        return run(conf, state, f"u@127.0.0.1:{port}", name, driver="upsc").stdout.strip()

    argv = [sys.executable, "-m", "ridethrough.cli.main", "serve", "--config", str(conf)]
    with started(
        [*argv, "--state-dir", str(state), "--port", str(port), "-u", "root"], name="serve"
    ) as serve:
        serve.wait_output("battery 90 %", START_S)
        listed = tool("-l").stdout
        assert all(name in listed for name in COMMANDS)
        text = (conf / "ups.conf").read_text()
        (conf / "ups.conf").write_text(text + "override.battery.charge = 55\n")
        assert "SUCCESS" in order("driver.reload-or-error")
        assert value("battery.charge") == "55"
        (conf / "ups.conf").write_text(text + "nolock\n")
        assert "INVALID" in order("driver.reload-or-error")
        assert (value("battery.charge"), value("driver.flag.nolock")) == ("90", "")
        assert "SUCCESS" in order("driver.reload-or-exit")
        wait_until(lambda: value("driver.flag.nolock") == "enabled", START_S, "the driver to begin anew")
        assert "INVALID" in order("driver.killpower")
        assert "CMD-NOT-SUPPORTED" in order("driver.exit")


def pid_of(path: Path) -> int:
    """The process behind a driver's socket."""
    with socket.socket(socket.AF_UNIX) as link, link.makefile("rb") as lines:
        link.settimeout(10)
        link.connect(str(path))
        link.sendall(b"GETPID\n")
        return int(lines.readline().decode().removeprefix("PID "))


def test_in_the_background(tmp_path: Path, state: Path) -> None:
    """Without -F it returns once clients can connect, keeps a pid file, and -c exit ends it."""
    conf = tmp_path / "c"
    write_section(conf, "u", DEV)
    assert run(conf, state, "-a", "u", "-u", "root").returncode == 0
    pid = int((state / "dummy-ups-u.pid").read_text())
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(str(state / "dummy-ups-u"))
            link.sendall(b"PING\nGETPID\n")
            wanted, got = f"PONG\nPID {pid}\n".encode(), b""
            while len(got) < len(wanted):
                got += link.recv(1000)
        assert got == wanted
        assert stat.S_IMODE((state / "dummy-ups-u").stat().st_mode) == 0o660
        assert run(conf, state, "-a", "u", "-c", "exit").returncode == 0
        wait_gone(state / "dummy-ups-u.pid")
        wait_until(lambda: not (state / "dummy-ups-u").exists(), START_S, "the socket to go")
    finally:
        if (state / "dummy-ups-u.pid").exists():
            os.kill(pid, signal.SIGKILL)
    assert "nothing to signal" in refusal(run(conf, state, "-a", "u", "-c", "exit"))
    assert "unknown command 'dance'" in refusal(run(conf, state, "-a", "u", "-c", "dance"))


def test_kill_power_of_a_simulated_ups(tmp_path: Path, state: Path) -> None:
    """-k has the running simulated UPS cut the load after its delay, so that it returns with the mains."""
    conf = tmp_path / "c"
    conf.mkdir()
    (conf / "ups.conf").write_text("[s]\ndriver = simulated-ups\nport = auto\n")
    assert "is it running?" in refusal(run(conf, state, "-a", "s", "-k", driver="simulated-ups"))
    assert run(conf, state, "-a", "s", "-u", "root", driver="simulated-ups").returncode == 0
    pid = int((state / "simulated-ups-s.pid").read_text())
    try:
        done = run(conf, state, "-a", "s", "-k", driver="simulated-ups")
        assert done.returncode == 0
        assert "shutdown: handled" in done.stderr
        assert int(seen(state / "simulated-ups-s", "DUMPALL", "ups.timer.shutdown")) > 0
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_gone(state / "simulated-ups-s.pid")


def seen(path: Path, request: str, variable: str) -> str:
    """The value of a variable on a driver's socket."""
    with socket.socket(socket.AF_UNIX) as link, link.makefile("rb") as lines:
        link.settimeout(10)
        link.connect(str(path))
        link.sendall(f"{request}\n".encode())
        for line in lines:
            words = line.decode().split(maxsplit=2)
            if words[:2] == ["SETINFO", variable]:
                return words[2].strip().strip('"')
            assert words != ["DUMPDONE"], f"{variable} is not there"
    raise AssertionError("the driver went away")


def ask(path: Path, request: str) -> str:
    """What becomes of an INSTCMD or SET: the last word of the answer."""
    with socket.socket(socket.AF_UNIX) as link, link.makefile("rb") as lines:
        link.settimeout(10)
        link.connect(str(path))
        link.sendall(f"NOBROADCAST\n{request} TRACKING 7\n".encode())
        return lines.readline().decode().removeprefix("TRACKING 7 ").strip()


def test_reload(tmp_path: Path, state: Path) -> None:
    """SIGHUP and the driver.reload commands put a new pollinterval and another file in force; what needs a
    restart is named, refused by reload-or-error, and ends the driver at reload-or-exit with status 138."""
    with our_dummy_ups(tmp_path, "u", DEV, state) as driver:
        process, conf = driver.process, driver.confpath / "ups.conf"
        assert run(driver.confpath, state, "-a", "u", "-c", "reload-or-error").returncode == 0
        process.wait_output("nothing has changed", START_S)
        text = conf.read_text()
        conf.write_text(text.replace("pollinterval = 1", "pollinterval = 7"))
        process.send_signal(signal.SIGHUP)
        process.wait_output("in force now: pollinterval", START_S)
        wait_until(
            lambda: seen(driver.socket, "DUMPALL", "driver.parameter.pollinterval") == "7",
            START_S,
            "it to show",
        )
        (driver.confpath / "other.dev").write_text("ups.status: OB\n")
        conf.write_text(text.replace(str(driver.dev_file), "other.dev"))
        assert run(driver.confpath, state, "-a", "u", "-c", "reload").returncode == 0
        assert seen(driver.socket, "DUMPALL", "ups.status") == "OB"
        conf.write_text(text + "nolock\n")
        assert run(driver.confpath, state, "-a", "u", "-c", "reload-or-error").returncode == 2
        process.wait_output("restart the driver to apply changes of: nolock", START_S)
        assert ask(driver.socket, "INSTCMD driver.reload") == "0"
        conf.unlink()
        assert ask(driver.socket, "INSTCMD driver.reload") == "3"
        process.wait_output("the old settings stay in force", START_S)
        conf.write_text(text + "nolock\n")
        assert run(driver.confpath, state, "-a", "u", "-c", "reload-or-exit").returncode == 0
        assert process.wait(START_S) == 128 + signal.SIGUSR1


def test_orders_over_the_socket(tmp_path: Path, state: Path) -> None:
    """A dump on SIGURG; killpower only where it is allowed; driver.exit is answered before the end."""
    with our_dummy_ups(tmp_path, "u", DEV, state) as driver:
        driver.process.send_signal(signal.SIGURG)
        driver.process.wait_output("battery.charge: 90\n", START_S)
        assert ask(driver.socket, "INSTCMD driver.killpower") == "2"
        assert ask(driver.socket, "SET driver.flag.allow_killpower 1") == "0"
        assert ask(driver.socket, "INSTCMD driver.killpower") == "1"
        driver.process.wait_output("shutdown not supported by dummy-ups", START_S)
        assert ask(driver.socket, "SET driver.debug x") == "2"
        assert ask(driver.socket, "SET driver.debug 2") == "0"
        assert ask(driver.socket, "INSTCMD driver.dance") == "1"
        assert ask(driver.socket, "INSTCMD driver.exit") == "0"
        assert driver.process.wait(START_S) == 0


def test_kill_power_by_sdcommands(tmp_path: Path, state: Path) -> None:
    """-k without a running driver opens the device itself, tries what sdcommands names, owns to failure."""
    write_section(tmp_path / "c", "u", DEV, ("sdcommands = no.such,load.off",))
    done = run(tmp_path / "c", state, "-a", "u", "-u", "root", "-k")
    assert done.returncode == 1, done
    assert "no.such: unknown\n" in done.stderr
    assert "load.off: unknown\n" in done.stderr
    assert list(state.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may chroot")
def test_a_jail(tmp_path: Path, state: Path) -> None:
    """-r makes a directory the driver's /: its files, its socket and its pid file lie in there."""
    conf = tmp_path / "c"
    write_section(conf, "u", DEV)
    jail = state / "jail"
    (jail / "s").mkdir(parents=True)
    (jail / str(conf)[1:]).mkdir(parents=True)
    (jail / str(conf)[1:] / "u.dev").write_text(DEV)
    (conf / "u.dev").unlink()
    argv = [*command("dummy-ups"), "-a", "u", "-u", "root", "-r", str(jail), "-FF"]
    with started(argv, env=environment(conf, Path("/s"))) as process:
        process.wait_output("listening on", START_S)
        assert (jail / "s" / "dummy-ups-u").exists()
        assert (jail / "s" / "dummy-ups-u.pid").read_text() == f"{process.pid}\n"
    refused = run(conf, state, "-a", "u", "-r", str(tmp_path / "none"), "-F")
    assert "cannot chroot to" in refused.stderr
    assert refused.returncode == 1


def test_version_list_and_help(tmp_path: Path, state: Path) -> None:
    """-V, -L and -h answer and end with 0."""
    assert "Ridethrough" in run(tmp_path, state, "-V").stdout
    assert 'VALUE mode "dummy-loop (or dummy), dummy-once' in run(tmp_path, state, "-L").stdout
    unknown = refusal(run(tmp_path, state, "-a", "u", "-Z"))
    assert "see: dummy-ups -h" in unknown
    assert "exclude each other" in refusal(run(tmp_path, state, "-a", "u", "-s", "u"))
    assert "ups.conf" in run(tmp_path, state, "-h").stdout
