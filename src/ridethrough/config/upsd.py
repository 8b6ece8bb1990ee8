# SPDX-License-Identifier: GPL-2.0-or-later
"""upsd.conf: what the server serves and where (upsd.conf(5), server/conf.c). It may hold a key's password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from ridethrough.config.convert import boolean, choice, path, port_number, seconds, text, whole
from ridethrough.config.engine import Directive, Keep, Obsolete, Refused, Sheet, Site, read_directives
from ridethrough.config.models import NUT_PORT, CertIdent, CertRequest, Listen, UpsdConf
from ridethrough.config.problems import Problem, Problems
from ridethrough.config.secret import Secret

_HOST_AND_PORT = re.compile(r"([^:\[\]]+|\[[^\[\]]+\]):([0-9]+)")


def listen(args: tuple[str, ...], site: Site) -> Listen:
    """`ADDRESS [PORT]`; `*` is every address of both families."""
    host = text(args, site)
    joined = _HOST_AND_PORT.fullmatch(host)
    if joined is not None:
        raise Refused("the port stands behind a blank here, not behind a colon", "write: LISTEN ADDRESS PORT")
    if host.startswith("[") and host.endswith("]"):
        site.warn("an IPv6 address has no brackets here", "write: LISTEN ::1 3493")
        host = host[1:-1]
    return Listen(host, port_number(args[1]) if len(args) > 1 else NUT_PORT, site.line)


def certident(args: tuple[str, ...], site: Site) -> CertIdent:
    """`NAME PASSWORD` of the own certificate; the same in upsd.conf and upsmon.conf."""
    return CertIdent(args[0], Secret(args[1]))


def _cert_request(args: tuple[str, ...], site: Site) -> CertRequest:
    words = {member.name: member for member in CertRequest} | {
        str(int(member)): member for member in CertRequest
    }
    value = choice(words)(args, site)
    assert isinstance(value, CertRequest)
    return value


def _gone(args: tuple[str, ...], site: Site) -> NoReturn:
    raise Obsolete("NUT has no access lists any more; the line is ignored", "say with LISTEN where to serve")


CERTIDENT = Directive("certident", certident, 'CERTIDENT "NAME" "PASSWORD"', least=2, most=2, exact=True)

TABLE: Mapping[str, Directive] = {
    "MAXAGE": Directive("maxage_s", seconds(1, 86400), "MAXAGE 15"),
    "TRACKINGDELAY": Directive("trackingdelay_s", seconds(1), "TRACKINGDELAY 3600"),
    "ALLOW_NO_DEVICE": Directive("allow_no_device", boolean, "ALLOW_NO_DEVICE yes"),
    "ALLOW_NOT_ALL_LISTENERS": Directive("allow_not_all_listeners", boolean, "ALLOW_NOT_ALL_LISTENERS yes"),
    "STATEPATH": Directive("statepath", path, "STATEPATH /run/nut"),
    "DATAPATH": Directive("datapath", path, "DATAPATH /usr/share/nut"),
    "LISTEN": Directive("listen", listen, "LISTEN ADDRESS [PORT]", most=2, keep=Keep.EACH),
    "MAXCONN": Directive("maxconn", whole(1, 1_000_000), "MAXCONN 1024"),
    "CERTFILE": Directive("certfile", path, "CERTFILE /etc/nut/upsd.pem"),
    "CERTPATH": Directive("certpath", path, "CERTPATH /etc/nut/cert"),
    "CERTIDENT": CERTIDENT,
    "CERTREQUEST": Directive("certrequest", _cert_request, "CERTREQUEST NO"),
    "DISABLE_WEAK_SSL": Directive("disable_weak_ssl", boolean, "DISABLE_WEAK_SSL true"),
    "DEBUG_MIN": Directive("debug_min", whole(0, 9), "DEBUG_MIN 0", any_case=True),
    "ACCEPT": Directive("gone", _gone, "LISTEN ADDRESS [PORT]", least=0, most=256),
    "REJECT": Directive("gone", _gone, "LISTEN ADDRESS [PORT]", least=0, most=256),
    "ACL": Directive("gone", _gone, "LISTEN ADDRESS [PORT]", least=0, most=256),
}


def parse_upsd(data: bytes, file: str = "upsd.conf") -> tuple[UpsdConf, list[Problem]]:
    """Read upsd.conf. Never raises; what is wrong is in the list."""
    problems = Problems(file)
    sheet = read_directives(data, TABLE, problems, guarded=True)
    conf = UpsdConf(**{**sheet.values, **_addresses(sheet)})
    if conf.certident is not None and not (conf.certfile or conf.certpath):
        problems.warn(
            sheet.line("certident"),
            "CERTIDENT without CERTPATH or CERTFILE does nothing",
            "add CERTPATH /DIRECTORY",
        )
    return conf, problems.listed()


def _addresses(sheet: Sheet) -> dict[str, tuple[Listen, ...]]:
    """The LISTEN lines without repetitions; nothing if there are none (then NUT's default holds)."""
    found: dict[Listen, int] = {}
    for one in sheet.values.get("listen", ()):
        key = replace(one, line=0)
        if key in found:
            sheet.problems.warn(one.line, f"the same LISTEN as on line {found[key]}", "remove one of them")
        else:
            found[key] = one.line
    return {"listen": tuple(replace(key, line=line) for key, line in found.items())} if found else {}
