# SPDX-License-Identifier: GPL-2.0-or-later
"""Guide 003 (Raspberry Pi + CyberPower, upssched timers, dispatcher, shutdown program) below a directory.

The lines of the guide's files stand here as they are; `install` moves their paths below a root, puts a driver
of choice in the place of the USB one, and adds what the guide left out.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "examples" / "guide-003"
GUIDE_NAME = "003_45a186fa969b6e3d.txt"

# -- the guide's own lines ----------------------------------------------------------------------

UPS_CONF = """\
[cyberpower]
    driver = usbhid-ups
    port = auto
    desc = "CyberPower CP850PFCLCDa"
"""
# The guide's other example: the quote is never closed.
UPS_CONF_OPEN_QUOTE = """\
[cyberpower]
    driver = usbhid-ups
    port = auto
    desc = "Cyber Power System, Inc. PR1500LCDRT2U UPS
"""
NUT_CONF = "MODE=standalone\n"
UPSMON_CONF = """\
RUN_AS_USER root
NOTIFYCMD /sbin/upssched
NOTIFYFLAG ONBATT EXEC
NOTIFYFLAG ONLINE EXEC
NOTIFYFLAG LOWBATT EXEC
NOTIFYFLAG SHUTDOWN EXEC
"""
UPSSCHED_CONF = """\
CMDSCRIPT /etc/nut/upssched-cmd
PIPEFN /var/run/nut/upssched.pipe
LOCKFN /var/run/nut/upssched.lock

# example behavior:
# when going on battery, start a 30s timer named onbatt
AT ONBATT * START-TIMER onbatt 30
# if power returns, cancel the timer
AT ONLINE * CANCEL-TIMER onbatt
# if timer expires or low battery, execute immediate action
AT LOWBATT * EXECUTE emergency-shutdown
AT ONBATT * START-TIMER earlyshutdown 300
AT ONLINE * CANCEL-TIMER earlyshutdown
AT SHUTDOWN * EXECUTE emergency-shutdown
"""
DISPATCHER = """\
#!/bin/sh
# upssched-cmd: called by upssched with one argument = command name (e.g. emergency-shutdown)
CMD="$1"
case "$CMD" in
  onbatt)
    logger -t upssched "ONBATT timer expired"
    ;;
  emergency-shutdown)
    logger -t upssched "Triggering cluster shutdown"
    # call your python controller here (replace with full path)
    /usr/local/bin/cluster_shutdown.py --reason nut_lowbat
    ;;
  *)
    logger -t upssched "Unknown upssched-cmd: $CMD"
    ;;
esac
"""
BLOCKS = (UPS_CONF, UPS_CONF_OPEN_QUOTE, NUT_CONF, UPSMON_CONF, UPSSCHED_CONF, DISPATCHER)

# -- what the guide left out ----------------------------------------------------------------------

ADDED_UPSMON = """\
MONITOR cyberpower@127.0.0.1:{port} 1 upsmon guide003 primary
MINSUPPLIES 1
SHUTDOWNCMD "{root}/sbin/shutdown -h +0"
POWERDOWNFLAG {root}/run/killpower
"""
ADDED_UPSD = "LISTEN 127.0.0.1 {port}\n"
ADDED_USERS = """\
[upsmon]
    password = guide003
    upsmon primary
"""

# -- programs of the machine that only write down how they were called ----------------------------

_RECORD = """\
#!/bin/sh
printf '%s\\t%s\\t%s\\t%s\\t%s\\n' "$(id -u)" "$NOTIFYTYPE" "$UPSNAME" "$NOTIFYMSG" "$*" >>'{log}'
"""
_COMMAND = "#!/bin/sh\nexec '{python}' -m ridethrough.cli.main {name} \"$@\"\n"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a program that writes down how it was called; `words` are its arguments."""

    uid: int
    type: str
    ups: str
    text: str
    words: str


@dataclass(frozen=True, slots=True)
class Guide003:
    """The installed guide. The files below `etc` may be changed before anything is started."""

    root: Path
    port: int
    etc: Path = field(init=False)
    run: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "etc", self.root / "etc" / "nut")
        object.__setattr__(self, "run", self.root / "run" / "nut")

    @property
    def upssched(self) -> Path:
        """The NOTIFYCMD: our upssched."""
        return self.root / "sbin" / "upssched"

    @property
    def upsschedctl(self) -> Path:
        """Our upsschedctl."""
        return self.root / "sbin" / "upsschedctl"

    @property
    def powerdownflag(self) -> Path:
        """POWERDOWNFLAG."""
        return self.root / "run" / "killpower"

    def find_logger(self) -> None:
        """Let the dispatcher find our `logger` also where it is not given our PATH (by the root helper)."""
        script = self.etc / "upssched-cmd"
        first, rest = script.read_text("utf-8").split("\n", 1)
        script.write_text(f"{first}\nPATH={self.root / 'bin'}:$PATH\n{rest}", "utf-8")

    def environment(self) -> dict[str, str]:
        """NUT_CONFPATH, NUT_STATEPATH, and a PATH whose `logger` writes to `logged`."""
        return {
            "NUT_CONFPATH": str(self.etc),
            "NUT_STATEPATH": str(self.run),
            "NUT_PIDPATH": str(self.run),
            "NUT_ALTPIDPATH": str(self.run),
            "PATH": f"{self.root / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        }

    @property
    def logged(self) -> list[str]:
        """The calls of `logger`, each as its arguments."""
        return [call.words for call in self.calls("logger")]

    @property
    def cluster_shutdowns(self) -> list[str]:
        """The calls of the guide's cluster_shutdown.py, each as its arguments."""
        return [call.words for call in self.calls("cluster_shutdown")]

    @property
    def shutdowns(self) -> list[str]:
        """The calls of SHUTDOWNCMD, each as its arguments."""
        return [call.words for call in self.calls("shutdown")]

    def calls(self, program: str) -> list[Call]:
        """The calls of `logger`, `cluster_shutdown` or `shutdown`, with user and environment."""
        rows = (line.split("\t") for line in _lines(self.root / "log" / program))
        return [Call(int(uid), kind, ups, text, words) for uid, kind, ups, text, words in rows]


def install(
    root: Path,
    port: int,
    *,
    driver: str = "usbhid-ups",
    options: Mapping[str, str] | None = None,
    upsmon: str = "",
) -> Guide003:
    """Write the guide's files below `root`, which should have a short path (sockets).

    `driver` and `options` (`port` among them) take the places of `usbhid-ups` and `auto`; everything else of
    the guide stays as written but for its paths.  `upsmon` is added to upsmon.conf.
    """
    guide = Guide003(root, port)
    make_directories(guide)
    chosen = {"port": "auto", **(options or {})}
    ups = UPS_CONF.replace("usbhid-ups", driver).replace("port = auto", _options(chosen))
    values = {"root": str(root), "port": port}
    files = {
        "ups.conf": ups,
        "nut.conf": NUT_CONF,
        "upsmon.conf": moved(UPSMON_CONF, root) + ADDED_UPSMON.format(**values) + upsmon,
        "upssched.conf": moved(UPSSCHED_CONF, root),
        "upsd.conf": ADDED_UPSD.format(**values),
        "upsd.users": ADDED_USERS,
    }
    for name, text in files.items():
        _write(guide.etc / name, text, 0o640)
    _write(guide.etc / "upssched-cmd", moved(DISPATCHER, root), 0o755)
    install_programs(root)
    return guide


def install_programs(root: Path) -> None:
    """What the guide's files call: recorders, and our commands under their NUT names."""
    for path, log in (
        ("bin/logger", "logger"),
        ("usr/local/bin/cluster_shutdown.py", "cluster_shutdown"),
        ("sbin/shutdown", "shutdown"),
    ):
        _write(root / path, _RECORD.format(log=root / "log" / log), 0o755)
    for name in ("upssched", "upsschedctl", "upsmon", "upsc"):
        _write(root / "sbin" / name, _COMMAND.format(python=sys.executable, name=name), 0o755)


def install_example(
    root: Path, port: int, *, driver: str = "usbhid-ups", options: Mapping[str, str] | None = None
) -> Guide003:
    """The corrected files of examples/guide-003 in the same way: paths below `root`, a driver, a port."""
    guide = Guide003(root, port)
    make_directories(guide)
    chosen = {"port": "auto", **(options or {})}
    for source in EXAMPLE.iterdir():
        text = moved(source.read_text("utf-8"), root)
        if source.name == "ups.conf":
            text = text.replace("usbhid-ups", driver).replace("port = auto", _options(chosen))
        text = text.replace("127.0.0.1 3493", f"127.0.0.1 {port}").replace("@localhost", f"@localhost:{port}")
        _write(guide.etc / source.name, text, 0o755 if source.name == "upssched-cmd" else 0o640)
    install_programs(root)
    return guide


def make_directories(guide: Guide003) -> None:
    """The directories below the root."""
    names = ("bin", "sbin", "log", "usr/local/bin")
    for directory in (guide.etc, guide.run, *(guide.root / name for name in names)):
        directory.mkdir(parents=True, exist_ok=True)


def moved(text: str, root: Path) -> str:
    """The text with the guide's absolute paths moved below `root`."""
    moves = {
        "/etc/nut/": f"{root}/etc/nut/",
        "/var/run/nut/": f"{root}/run/nut/",
        "/run/nut/": f"{root}/run/nut/",
        "/etc/killpower": f"{root}/run/killpower",
        "/sbin/": f"{root}/sbin/",
        "/usr/local/bin/": f"{root}/usr/local/bin/",
    }
    return re.sub("|".join(map(re.escape, moves)), lambda found: moves[found[0]], text)


def guide_text() -> str | None:
    """The guide itself where it lies beside the checkout, else None."""
    path = REPOSITORY.parent / "shared" / "guides" / GUIDE_NAME
    return path.read_text("utf-8") if path.is_file() else None


def _options(options: Mapping[str, str]) -> str:
    return "\n    ".join(f"{name} = {value}" for name, value in options.items())


def _write(path: Path, text: str, mode: int) -> None:
    path.write_text(text, "utf-8")
    path.chmod(mode)


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []
