# SPDX-License-Identifier: GPL-2.0-or-later
"""ups.conf: a global part and one `[section]` a UPS (ups.conf(5), common/upsconf.c, drivers/main.c)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from ridethrough.config.convert import any_text, choice, path, seconds, text, whole
from ridethrough.config.echo import did_you_mean, nearest, shown
from ridethrough.config.engine import Convert, Directive, Sheet, Site, entries, unknown
from ridethrough.config.models import Synchronous, UpsConf, UpsSection
from ridethrough.config.problems import Problem, Problems
from ridethrough.config.sections import Pair, Section, read_sections

_NO = ("no", "off", "false", "0")
_VERY_NEAR = 0.85
_BAD_NAME = re.compile(r'[@:/\\"\s\x00-\x1f]')


def flag(args: tuple[str, ...], site: Site) -> bool:
    """A key whose presence counts. NUT takes `flag = no` as set, so that is said."""
    if args and args[0].casefold() in _NO:
        site.warn("NUT takes this flag as set whatever its value", "remove the line to unset it")
    return True


def synchronous(args: tuple[str, ...], site: Site) -> Synchronous:
    """auto, yes or no."""
    value = choice({word.value: word for word in Synchronous})(args, site)
    assert isinstance(value, Synchronous)
    return value


def _assign(field: str, convert: Convert, name: str, value: str) -> Directive:
    return Directive(field, convert, f"{name} = {value}", any_case=name in ("debug_min", "statepath"))


def _flag(field: str, name: str) -> Directive:
    return Directive(field, flag, name, least=0)


# What the global part and a section share.
_BOTH: Mapping[str, Directive] = {
    name: _assign(field, convert, name, value)
    for name, field, convert, value in (
        ("pollinterval", "pollinterval_s", seconds(1, 86400), "2"),
        ("maxretry", "maxretry", whole(0, 1000), "3"),
        ("retrydelay", "retrydelay_s", seconds(), "5"),
        ("maxstartdelay", "maxstartdelay_s", seconds(), "75"),
        ("synchronous", "synchronous", synchronous, "auto"),
        ("user", "user", text, "nut"),
        ("group", "group", text, "nut"),
        ("reconnect_max_tries", "reconnect_max_tries", whole(-(10**6), 10**6), "-1"),
        ("reconnect_report_freq", "reconnect_report_freq", whole(-(10**6), 10**6), "0"),
        ("debug_min", "debug_min", whole(0, 9), "0"),
        ("LIBUSB_DEBUG", "libusb_debug", whole(0, 9), "0"),
    )
}

GLOBALS: Mapping[str, Directive] = {
    **_BOTH,
    "chroot": _assign("chroot", path, "chroot", "/DIRECTORY"),
    "driverpath": _assign("driverpath", path, "driverpath", "/lib/nut"),
    "statepath": _assign("statepath", path, "statepath", "/run/nut"),
    "nowait": _flag("nowait", "nowait"),
}

FIELDS: Mapping[str, Directive] = {
    **_BOTH,
    "driver": _assign("driver", text, "driver", "usbhid-ups"),
    "port": _assign("port", text, "port", "auto"),
    "desc": _assign("desc", any_text, "desc", '"TEXT"'),
    "sdorder": _assign("sdorder", whole(-1, 1000), "sdorder", "0"),
    "sdcommands": _assign("sdcommands", text, "sdcommands", "shutdown.return"),
    "nolock": _flag("nolock", "nolock"),
    "ignorelb": _flag("ignorelb", "ignorelb"),
    "allow_killpower": _flag("allow_killpower", "allow_killpower"),
    "usb_set_altinterface": _flag("usb_set_altinterface", "usb_set_altinterface"),
}

# Drivers' own options that are frequent, or so near to a common key that they look like a slip.
DRIVER_OPTIONS = frozenset(
    "vendorid productid vendor product serial bus device busport subdriver pollfreq pollonly "
    "offdelay ondelay novendor startdelay norating runtimecal chargetime idleload langid_fix mibs "
    "community snmp_version usb_config_index usb_hid_rep_index usb_hid_desc_index usb_hid_ep_in "
    "usb_hid_ep_out cable sdtype sddelay mode authconf lowbatt notransferoids waitbeforereconnect "
    "interruptonly".split()
)
_PREFIXES = ("override.", "default.")


def parse_ups(data: bytes, file: str = "ups.conf") -> tuple[UpsConf, list[Problem]]:
    """Read ups.conf. Never raises; what is wrong is in the list.

    Sections without driver or port are left out, as in C.
    """
    problems = Problems(file)
    above, *sections = read_sections(entries(data, problems, guarded=False), problems, guarded=False)
    sheet = Sheet(problems)
    for pair in above.pairs:
        _global(pair, sheet)
    found: dict[str, tuple[int, Sheet]] = {}
    for section in sections:
        _section(section, found, problems)
    made = [_make(name, line, own) for name, (line, own) in found.items()]
    return UpsConf(**sheet.values, sections=tuple(ups for ups in made if ups is not None)), problems.listed()


def _lookup(key: str, table: Mapping[str, Directive]) -> Directive | None:
    found = table.get(key)
    if found is None:
        found = table.get(key.lower())
        return found if found is not None and found.any_case else None
    return found


def _take(pair: Pair, directive: Directive, sheet: Sheet) -> None:
    """Read `key = value` through the table; `key value` is what C NUT ignores without a word."""
    if not pair.assigned and pair.values:
        sheet.problems.error(
            pair.line,
            f"the = behind {shown(pair.key)} is missing; the line is ignored",
            f"write: {directive.usage}",
        )
        return
    sheet.take(pair.key, directive, pair.values, pair.line)


def _global(pair: Pair, sheet: Sheet) -> None:
    directive = _lookup(pair.key, GLOBALS)
    if directive is not None:
        _take(pair, directive, sheet)
    elif pair.key in FIELDS or pair.key.startswith(_PREFIXES):
        sheet.problems.error(
            pair.line, f"{shown(pair.key)} stands above the first [section]", "move it below the UPS's [name]"
        )
    else:
        unknown(sheet.problems, pair.line, pair.key, GLOBALS, guarded=False)


def _section(section: Section, found: dict[str, tuple[int, Sheet]], problems: Problems) -> None:
    name = section.name or ""
    if name == "default" or _BAD_NAME.search(name):
        problems.error(
            section.line,
            f"a UPS cannot be named {shown(name, 'so')}; the section is left out",
            "use letters, digits, - and _ (but not 'default')",
        )
        return
    earlier = next((other for other in found if other.casefold() == name.casefold()), None)
    if earlier is not None and earlier != name:
        problems.error(
            section.line,
            f"{_head(name)} is {_head(earlier)} (line {found[earlier][0]}) in other letter case; left out",
            "give it a name of its own",
        )
        return
    if earlier is not None:
        problems.warn(
            section.line,
            f"{_head(name)} stands on line {found[name][0]} already; both are read as one",
            "give the second UPS a name of its own, or join the sections",
        )
    _, sheet = found.setdefault(name, (section.line, Sheet(problems)))
    for pair in section.pairs:
        _field(pair, sheet)


def _head(name: str) -> str:
    return f"[{name}]" if shown(name, "") else "this section"


def _field(pair: Pair, sheet: Sheet) -> None:
    key, problems = pair.key, sheet.problems
    directive = _lookup(key, FIELDS)
    if directive is None and key in GLOBALS:
        problems.warn(
            pair.line, f"{shown(key)} counts only above the first [section]; it is ignored here", "move it up"
        )
        return
    if directive is not None:
        stored = Directive(key, _as_written(directive), directive.usage, directive.least, directive.most)
        _take(pair, stored, sheet)
        return
    if key.startswith(_PREFIXES):
        usage = f"{key} = VALUE"
        if key in _PREFIXES:
            problems.error(pair.line, f"{key} names no variable", f"write: {key}battery.charge.low = 20")
        else:
            _take(pair, Directive(key, any_text, usage), sheet)
        return
    if key not in DRIVER_OPTIONS and nearest(key, FIELDS, _VERY_NEAR) is not None:
        problems.warn(
            pair.line,
            f"{shown(key)} is passed to the driver as it is",
            did_you_mean(key, (*FIELDS, *DRIVER_OPTIONS), _VERY_NEAR),
        )
    _take(pair, Directive(key, _option, f"{key} = VALUE", least=0), sheet)


def _option(args: tuple[str, ...], site: Site) -> str | None:
    """A driver's own option: its value, or None for a flag."""
    return args[0] if args else None


def _as_written(directive: Directive) -> Convert:
    """A section's value checked by its converter, but kept as text: the driver reads it itself."""

    def convert(args: tuple[str, ...], site: Site) -> str | None:
        value = directive.convert(args, site)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return args[0] if args else None

    return convert


def _make(name: str, line: int, sheet: Sheet) -> UpsSection | None:
    """The section, or None if what C NUT demands of it is missing."""
    values = dict(sheet.values)
    missing = [key for key in ("driver", "port") if not values.get(key)]
    for key in missing:
        example = FIELDS[key].usage
        sheet.problems.error(
            line, f"{_head(name)} has no {key}; the section is left out", f"write: {example}"
        )
    if missing:
        return None
    driver, port, desc = values.pop("driver"), values.pop("port"), values.pop("desc", "")
    return UpsSection(name, driver, port, desc, MappingProxyType(values), line)
