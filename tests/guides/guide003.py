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

# -- programs of the machine that only write down that they were called ---------------------------

_RECORD = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{log}'\n"
_COMMAND = "#!/bin/sh\nexec '{python}' -m {module} \"$@\"\n"


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
        return _lines(self.root / "log" / "logger")

    @property
    def cluster_shutdowns(self) -> list[str]:
        """The calls of the guide's cluster_shutdown.py, each as its arguments."""
        return _lines(self.root / "log" / "cluster_shutdown")

    @property
    def shutdowns(self) -> list[str]:
        """The calls of SHUTDOWNCMD, each as its arguments."""
        return _lines(self.root / "log" / "shutdown")


def install(
    root: Path, port: int, *, driver: str = "usbhid-ups", options: Mapping[str, str] | None = None
) -> Guide003:
    """Write the guide's files below `root`, which should have a short path (sockets).

    `driver` and `options` (`port` among them) take the places of `usbhid-ups` and `auto`; everything else of
    the guide stays as written but for its paths.
    """
    guide = Guide003(root, port)
    for directory in (
        guide.etc,
        guide.run,
        *(root / name for name in ("bin", "sbin", "log", "usr/local/bin")),
    ):
        directory.mkdir(parents=True, exist_ok=True)
    chosen = {"port": "auto", **(options or {})}
    ups = UPS_CONF.replace("usbhid-ups", driver).replace("port = auto", _options(chosen))
    values = {"root": str(root), "port": port}
    files = {
        "ups.conf": ups,
        "nut.conf": NUT_CONF,
        "upsmon.conf": moved(UPSMON_CONF, root) + ADDED_UPSMON.format(**values),
        "upssched.conf": moved(UPSSCHED_CONF, root),
        "upsd.conf": ADDED_UPSD.format(**values),
        "upsd.users": ADDED_USERS,
    }
    for name, text in files.items():
        _write(guide.etc / name, text, 0o640)
    _write(guide.etc / "upssched-cmd", moved(DISPATCHER, root), 0o755)
    for path, log in (
        ("bin/logger", "logger"),
        ("usr/local/bin/cluster_shutdown.py", "cluster_shutdown"),
        ("sbin/shutdown", "shutdown"),
    ):
        _write(root / path, _RECORD.format(log=root / "log" / log), 0o755)
    for name in ("upssched", "upsschedctl"):
        command = _COMMAND.format(python=sys.executable, module=f"ridethrough.cli.{name}")
        _write(root / "sbin" / name, command, 0o755)
    return guide


def moved(text: str, root: Path) -> str:
    """The text with the guide's absolute paths moved below `root`."""
    moves = {
        "/etc/nut/": f"{root}/etc/nut/",
        "/var/run/nut/": f"{root}/run/nut/",
        "/sbin/upssched": f"{root}/sbin/upssched",
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
