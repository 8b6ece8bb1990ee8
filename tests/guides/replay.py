# SPDX-License-Identifier: GPL-2.0-or-later
"""A guide's host three times over, all watching one scripted UPS: C NUT, our programs, and our `serve`.

One C dummy-ups in dummy-loop mode plays the story; every host has a server of its own on its socket, so that
all see the same, and no host's login or FSD is another's business.  NOTIFYCMD writes down that it was called
and goes on as upssched, C's or ours; CMDSCRIPT and SHUTDOWNCMD only write down.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from ridethrough.config.load import load
from ridethrough.control.client import ControlClient
from ridethrough.ups.notices import DEFAULT_MESSAGES, NotifyFlag, NotifyType
from tests.guides.replay_facts import TYPES, Guide
from tests.guides.replay_stories import POLL_S, Say, Story
from tests.support import crew, hosts
from tests.support.cnut import DRIVER_DIRECTORY, UPSD, c_environment
from tests.support.our_upsd import MODULE, converse
from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import Process, started
from tests.support.wait import wait_until

START_S: Final = 60.0
END_S: Final = 60.0
DRIVER: Final = "nutdrv_qx"
SETTLE_S: Final = 2.5
KINDS: Final = ("C", "ours", "serve")
ON_LINE: Final = Say("OL", 1)
REFUSED: Final = "login refused"
ONE_AT_A_TIME: Final = threading.Lock()
"""For what swaps this process's own standard error, and for `PORTS`."""
PORTS: Final[set[int]] = set()
"""Those given out already: it takes a while until somebody listens there."""
PAST_S: Final = 3.0
"""So long after the last SHUTDOWNCMD the scripts of SHUTDOWN may still be running."""
# What takes longer in a guide than anybody waits in a test; FINALDELAY 0 stays 0.
SHORTER: Final = {"POLLFREQ": POLL_S, "POLLFREQALERT": POLL_S, "DEADTIME": 4, "FINALDELAY": 2}
RECORD: Final = r"""#!/bin/sh
printf '%s\t%s\t%s\t%s\n' "$(date +%s.%N)" "$*" "$NOTIFYTYPE" "$UPSNAME" >>'{log}'
"""


# -- hosts -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a program: when (wall time), its arguments, and the notice in its environment."""

    at: float
    words: str
    type: str
    ups: str


@dataclass(frozen=True, slots=True)
class Seen:
    """All that came of a story at one host.

    `told` are the texts of the notices for the log in their order, `handed` the notices handed to NOTIFYCMD
    (`words` is the text), `ran` the calls of CMDSCRIPT, `down` those of SHUTDOWNCMD.
    """

    told: list[str]
    handed: list[Call]
    ran: list[Call]
    down: list[Call]
    flag: bool


@dataclass(frozen=True, slots=True)
class Site:
    """The directory of one host.  `kind` is one of KINDS."""

    kind: str
    guide: Guide
    root: Path
    port: int

    @property
    def etc(self) -> Path:
        """NUT_CONFPATH."""
        return self.root / "etc" / "nut"

    @property
    def run(self) -> Path:
        """NUT_STATEPATH."""
        return self.root / "run"

    @property
    def target(self) -> str:
        """The UPS as MONITOR has it."""
        return f"{self.guide.ups}@{LOOPBACK}:{self.port}"

    def calls(self, log: str) -> list[Call]:
        """The calls that were written down, the earliest first."""
        path = self.root / "log" / log
        rows = [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []
        found = [Call(float(at), self.plain(words), kind, self.plain(ups)) for at, words, kind, ups in rows]
        return sorted(found, key=lambda call: call.at)

    def plain(self, text: str) -> str:
        """Without the port, in which hosts differ, and without the reasons of a refused login."""
        head, refused, _ = text.replace(f"@{LOOPBACK}:{self.port}", "@HOST").partition(REFUSED)
        return head + refused

    def told(self, output: str) -> list[str]:
        """The notices in the output of an upsmon."""
        texts = sorted(template.replace("%s", self.target, 1) for template in DEFAULT_MESSAGES.values())
        known = re.compile("|".join(re.escape(text).replace("%s", ".*") for text in texts))
        lines = [line.removeprefix("upsmon: ").removeprefix("error: ") for line in output.splitlines()]
        return [self.plain(line) for line in lines if known.fullmatch(line) or REFUSED in line]

    def heard(self) -> tuple[list[str], list[Call]]:
        """The notices of a `serve`: for the log, and for its schedule."""
        conf = load(self.etc).upsmon
        assert conf is not None
        began = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        told, handed = [], []
        with ControlClient(self.run / "ridethrough.sock") as client:
            for event in client.events(["notice"], follow=False):
                flags = conf.notifyflag[NotifyType(event["type"])]
                text, ups = self.plain(event["text"]), self.plain(event["ups"])
                if NotifyFlag.SYSLOG in flags:
                    told.append(text)
                if NotifyFlag.EXEC in flags and conf.notifycmd:
                    handed.append(Call(event["t"] + began, text, event["type"], ups))
        return told, handed


def install(place: Path, kind: str, guide: Guide, story: Story) -> Site:
    """The guide's files for one host below `place`, and the programs that they name."""
    site = Site(kind, guide, place / kind, _own_port())
    for directory in (site.etc, site.run, *(site.root / name for name in ("sbin", "log", "bin"))):
        directory.mkdir(parents=True)
    directives = guide.directives() | {
        name: str(min(seconds, int(guide.directives()[name]))) for name, seconds in SHORTER.items()
    }
    directives["HOSTSYNC"] = str(story.hostsync_s)
    if story.nocomm_s is not None:
        directives["NOCOMMWARNTIME"] = str(story.nocomm_s)
    lines = [f"MONITOR {guide.monitor.replace('HOST', f'{LOOPBACK}:{site.port}')}"]
    lines += [f"{name} {value}" for name, value in directives.items()]
    if len(guide.flags) == len(TYPES):  # These guides write out the texts as well: NUT's own.
        lines += [f'NOTIFYMSG {name} "{DEFAULT_MESSAGES[NotifyType(name)]}"' for name in TYPES]
    lines += [f"NOTIFYFLAG {name} {value}" for name, value in guide.flags]
    rules = [
        re.sub(r"(START-TIMER \S+) (\d+)", lambda m: _scaled(m, story.factor), line)
        for line in guide.upssched
    ]
    texts = {
        "upsmon.conf": "\n".join(lines),
        "upssched.conf": "\n".join(rules),
        "ups.conf": f"[{guide.ups}]\ndriver = {DRIVER}\nport = auto",
        "upsd.conf": f"LISTEN {LOOPBACK} {site.port}",
        "upsd.users": guide.users,
        "nut.conf": "MODE=standalone",
    }
    for name, text in texts.items():
        (site.etc / name).write_text(_moved(text, site.root) + "\n")
        (site.etc / name).chmod(0o640)
    with ONE_AT_A_TIME:
        upssched = crew.upssched_program(place, "C" if kind == "C" else "ours")
    scripts = {
        "sbin/upssched": RECORD.format(log=site.root / "log/notify") + f'exec {upssched} "$@"\n',
        "sbin/shutdown": RECORD.format(log=site.root / "log/shutdown"),
        "etc/nut/upssched-cmd": RECORD.format(log=site.root / "log/command"),
        "bin/wall": "#!/bin/sh\ncat >/dev/null\n",
    }
    for name, text in scripts.items():
        (site.root / name).write_text(text)
        (site.root / name).chmod(0o755)
    (site.run / f"{DRIVER}-{guide.ups}").symlink_to(place / "driver" / f"dummy-ups-{guide.ups}")
    _give_to_user(site)
    return site


def _own_port() -> int:
    with ONE_AT_A_TIME:
        port = free_port()
        while port in PORTS:
            port = free_port()
        PORTS.add(port)
    return port


def _scaled(found: re.Match[str], factor: int) -> str:
    return f"{found[1]} {max(1, int(found[2]) // factor)}"


def _moved(text: str, root: Path) -> str:
    moves = {
        "/etc/nut/": f"{root}/etc/nut/",
        "/var/run/nut/": f"{root}/run/",
        "/etc/killpower": f"{root}/run/killpower",
        "/usr/sbin/": f"{root}/sbin/",
        "/sbin/": f"{root}/sbin/",
        "/bin/upssched-cmd": f"{root}/etc/nut/upssched-cmd",
    }
    return re.sub("|".join(map(re.escape, moves)), lambda found: moves[found[0]], text)


def _give_to_user(site: Site) -> None:
    """Scripts of a guide without RUN_AS_USER run as nut, where there is root to give up."""
    with contextlib.suppress(KeyError):
        nut = pwd.getpwnam("nut")
        if os.geteuid() == 0:
            for path in (site.etc, site.run, site.root / "log", *site.etc.iterdir()):
                os.chown(path, nut.pw_uid, nut.pw_gid)


def environment(site: Site) -> dict[str, str]:
    """The host's own directories, and a `wall` that disturbs nobody."""
    return c_environment(site.etc, site.run) | {"PATH": f"{site.root / 'bin'}:{os.environ['PATH']}"}


@contextlib.contextmanager
def server(site: Site, upsd: str) -> Iterator[None]:
    """The server of one host, when it has the data of the UPS.  `serve` is its own."""
    if site.kind == "serve":
        yield
        return
    argv = [str(UPSD), "-u", "root", "-F"] if upsd == "C" else [*MODULE, "-u", "root", "-FF"]
    with started(argv, env=environment(site), name=f"{upsd} upsd of {site.kind}"):
        wait_until(lambda: on_line(site), START_S, "the data of the UPS")
        yield


@contextlib.contextmanager
def monitor(site: Site) -> Iterator[Process]:
    """The monitor of one host, or all of its `serve`; not waited for."""
    argv: list[str] = [*hosts.PROGRAM, "upsmon", "-F"]
    with contextlib.ExitStack() as stack:
        if site.kind == "serve":
            run = ["--state-dir", str(site.run), "-u", pwd.getpwuid(os.geteuid()).pw_name]
            argv = [*hosts.PROGRAM, "serve", "--config", str(site.etc), "--armed", *run]
        elif site.kind == "C":
            # 2.8.0 names its pid file after itself, in a directory that is compiled in.
            program = site.root / f"{site.root.parent.name}-{site.kind}"
            program.symlink_to(DRIVER_DIRECTORY / "upsmon")
            stack.callback(Path("/run/nut", f"{program.name}.pid").unlink, missing_ok=True)
            argv = [str(program), "-F"]
        name = f"{site.kind} of {site.guide.name}"
        yield stack.enter_context(started(argv, env=environment(site), name=name))


def ask(site: Site, what: str) -> str:
    """What the host's server answers, or nothing."""
    with contextlib.suppress(OSError, IndexError):
        return converse(site.port, [f"GET {what}\n".encode()])[0].decode().strip()
    return ""


def on_line(site: Site) -> bool:
    """Whether the server reads `OL`."""
    return ask(site, f"VAR {site.guide.ups} ups.status").endswith(' "OL"')


def logged_in(site: Site, process: Process) -> bool:
    """Whether the host is, or knows that it won't be."""
    output = process.output()
    assert process.returncode is None, f"{process.name} ended: {output}"
    if REFUSED in output or "ACCESS-DENIED" in output:
        return True
    return ask(site, f"NUMLOGINS {site.guide.ups}").endswith(" 1")


# -- the play ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def driver(place: Path, ups: str) -> Iterator[None]:
    """The C dummy-ups, which says OL until `rewrite` gives it something else."""
    state = place / "driver"
    state.mkdir(exist_ok=True)
    rewrite(place, ON_LINE.lines)
    (state / "ups.conf").write_text(
        f"[{ups}]\ndriver = dummy-ups\nmode = dummy-loop\nport = {state / 'story.seq'}\npollinterval = 1\n"
    )
    argv = [str(DRIVER_DIRECTORY / "dummy-ups"), "-a", ups, "-u", "root", "-F"]
    with started(argv, env=c_environment(state, state), name="C dummy-ups"):
        yield


def rewrite(place: Path, text: str) -> None:
    """Another file in one step; dummy-ups opens it when it has come to the end of the one before."""
    new = place / "driver" / "new"
    new.write_text(text)
    os.replace(new, place / "driver" / "story.seq")


def play(guide: Guide, story: Story, starting: contextlib.AbstractContextManager[object]) -> dict[str, Seen]:
    """Play it to all hosts at once, until all are down; `starting` is held while they start."""
    with hosts.place() as place, contextlib.ExitStack() as stack:
        stack.callback(end_strays, place)
        now = stack.enter_context(contextlib.ExitStack())
        processes = {}
        with starting:
            sites = [install(place, kind, guide, story) for kind in KINDS]
            now.enter_context(driver(place, guide.ups))
            for site in sites:
                stack.enter_context(server(site, story.upsd))
            for site in sites:
                processes[site.kind] = stack.enter_context(monitor(site))
            for site in sites:
                ready = partial(logged_in, site, processes[site.kind])
                wait_until(ready, START_S, f"the login of {site.kind}")
        for says, silence_s in story.acts():
            wait_until(lambda: all(map(on_line, sites)), START_S, "all servers to read OL")
            time.sleep(SETTLE_S)
            rewrite(place, "".join(say.lines for say in says) + Say(says[-1].status, 3600).lines)
            time.sleep(sum(say.seconds for say in says) + 1)
            if silence_s is not None:
                now.close()
                time.sleep(silence_s)
                if silence_s:
                    now.enter_context(driver(place, guide.ups))
        going = [site for site in sites if site.kind not in story.stay]
        wait_until(lambda: all(site.calls("shutdown") for site in going), END_S, "the end of all hosts")
        time.sleep(PAST_S)
        return {site.kind: _seen(site, processes[site.kind]) for site in sites}


def _seen(site: Site, process: Process) -> Seen:
    output = process.output()
    assert "Traceback" not in output, output
    told, handed = site.heard() if site.kind == "serve" else (site.told(output), site.calls("notify"))
    flag = (site.run / "killpower").exists()
    return Seen(told, handed, site.calls("command"), site.calls("shutdown"), flag)


def end_strays(place: Path) -> None:
    """End what upssched left in the background."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"NUT_CONFPATH={place}/".encode() in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
