# SPDX-License-Identifier: GPL-2.0-or-later
"""The exact bytes answered to every verb, by the UPSes and users of `tests.support.server_core`."""

from __future__ import annotations

INVALID = b"ERR INVALID-ARGUMENT\n"
UNKNOWN_UPS = b"ERR UNKNOWN-UPS\n"
NO_VAR = b"ERR VAR-NOT-SUPPORTED\n"
NEEDS_USER = b"ERR USERNAME-REQUIRED\n"

# Every request with 0, 1, 2 ... n+1 words, from a session that has given no user name.
PLAIN: dict[str, bytes] = {
    "NOSUCH": b"ERR UNKNOWN-COMMAND\n",
    "VER": b"Network UPS Tools upsd 2.8.0 - Ridethrough\n",
    "VER x": INVALID,
    "NETVER": b"1.3\n",
    "NETVER x": INVALID,
    "PROTVER": b"1.3\n",
    "PROTVER x": INVALID,
    "HELP": b"Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n",
    "HELP x": INVALID,
    "STARTTLS": b"ERR FEATURE-NOT-CONFIGURED\n",
    "USERNAME": INVALID,
    "USERNAME a b": INVALID,
    "PASSWORD": INVALID,
    "PASSWORD a b": INVALID,
    "LOGOUT x": INVALID,
    "GET": INVALID,
    "GET NOSUCH": INVALID,
    "GET NOSUCH su700 x": INVALID,
    "GET TRACKING": b"OFF\n",
    "GET TRACKING id-1": b"ERR FEATURE-NOT-CONFIGURED\n",
    "GET NUMLOGINS": INVALID,
    "GET NUMLOGINS su700": b"NUMLOGINS su700 0\n",
    "GET NUMLOGINS su700 more": b"NUMLOGINS su700 0\n",
    "GET NUMLOGINS none": UNKNOWN_UPS,
    "GET UPSDESC": INVALID,
    "GET UPSDESC su700": b'UPSDESC su700 "Development box"\n',
    "GET UPSDESC bare": b'UPSDESC bare "Unavailable"\n',
    "GET UPSDESC none": UNKNOWN_UPS,
    "GET VAR": INVALID,
    "GET VAR su700": INVALID,
    "GET VAR su700 ups.status": b'VAR su700 ups.status "OL"\n',
    "get var SU700 UPS.Status": b'VAR SU700 UPS.Status "OL"\n',
    "GET VAR su700 ups.status more": b'VAR su700 ups.status "OL"\n',
    "GET VAR su700 ups.id": b'VAR su700 ups.id "the \\"big\\" one"\n',
    "GET VAR su700 none": NO_VAR,
    "GET VAR none ups.status": UNKNOWN_UPS,
    "GET VAR none server.version": b'VAR none server.version "2.8.0"\n',
    "GET VAR su700 SERVER.INFO": b'VAR su700 server.info "Network UPS Tools upsd 2.8.0 - Ridethrough"\n',
    "GET VAR su700 server.none": NO_VAR,
    "GET TYPE su700": INVALID,
    "GET TYPE su700 ups.status": b"TYPE su700 ups.status NUMBER\n",
    "GET TYPE su700 ups.id": b"TYPE su700 ups.id RW STRING:16\n",
    "GET TYPE su700 none": NO_VAR,
    "GET TYPE none ups.id": UNKNOWN_UPS,
    "GET DESC su700": INVALID,
    "GET DESC su700 none": b'DESC su700 none "Description unavailable"\n',
    "GET DESC none ups.status": UNKNOWN_UPS,
    "GET CMDDESC su700": INVALID,
    "GET CMDDESC su700 none": b'CMDDESC su700 none "Description unavailable"\n',
    "GET CMDDESC none load.off": UNKNOWN_UPS,
    "LIST": INVALID,
    "LIST NOSUCH": INVALID,
    "LIST NOSUCH a b": INVALID,
    "LIST UPS": (
        b'BEGIN LIST UPS\nUPS su700 "Development box"\nUPS bare "Description unavailable"\nEND LIST UPS\n'
    ),
    "LIST UPS more": (
        b'BEGIN LIST UPS\nUPS su700 "Development box"\nUPS bare "Description unavailable"\nEND LIST UPS\n'
    ),
    "LIST VAR": INVALID,
    "LIST VAR su700": (
        b"BEGIN LIST VAR su700\n"
        b'VAR su700 battery.charge "100"\n'
        b'VAR su700 input.sensitivity "low"\n'
        b'VAR su700 input.transfer.low "95"\n'
        b'VAR su700 ups.contacts "x"\n'
        b'VAR su700 ups.delay.start "30"\n'
        b'VAR su700 ups.id "the \\"big\\" one"\n'
        b'VAR su700 ups.status "OL"\n'
        b"END LIST VAR su700\n"
    ),
    "LIST VAR none": UNKNOWN_UPS,
    "LIST RW su700": (
        b"BEGIN LIST RW su700\n"
        b'RW su700 input.sensitivity "low"\n'
        b'RW su700 input.transfer.low "95"\n'
        b'RW su700 ups.contacts "x"\n'
        b'RW su700 ups.delay.start "30"\n'
        b'RW su700 ups.id "the \\"big\\" one"\n'
        b"END LIST RW su700\n"
    ),
    "LIST RW none": UNKNOWN_UPS,
    "LIST CMD su700": (
        b"BEGIN LIST CMD su700\nCMD su700 beeper.mute\nCMD su700 load.off\n"
        b"CMD su700 test.battery.start.quick\nEND LIST CMD su700\n"
    ),
    "LIST CMD none": UNKNOWN_UPS,
    "LIST CLIENT": INVALID,
    "LIST CLIENT su700": b"BEGIN LIST CLIENT su700\nEND LIST CLIENT su700\n",
    "LIST CLIENT none": UNKNOWN_UPS,
    "LIST ENUM su700": INVALID,
    "LIST ENUM su700 input.sensitivity": (
        b"BEGIN LIST ENUM su700 input.sensitivity\n"
        b'ENUM su700 input.sensitivity "low"\n'
        b'ENUM su700 input.sensitivity "medium"\n'
        b'ENUM su700 input.sensitivity "high"\n'
        b"END LIST ENUM su700 input.sensitivity\n"
    ),
    "LIST ENUM su700 ups.id": b"BEGIN LIST ENUM su700 ups.id\nEND LIST ENUM su700 ups.id\n",
    "LIST ENUM su700 none": NO_VAR,
    "LIST ENUM none x": UNKNOWN_UPS,
    "LIST RANGE su700": INVALID,
    "LIST RANGE su700 input.transfer.low": (
        b"BEGIN LIST RANGE su700 input.transfer.low\n"
        b'RANGE su700 input.transfer.low "90" "100"\n'
        b'RANGE su700 input.transfer.low "102" "105"\n'
        b"END LIST RANGE su700 input.transfer.low\n"
    ),
    "LIST RANGE su700 none": NO_VAR,
    "LIST RANGE none x": UNKNOWN_UPS,
    # The check for user and password comes before everything else.
    "LOGIN": NEEDS_USER,
    "LOGIN su700": NEEDS_USER,
    "PRIMARY none": NEEDS_USER,
    "MASTER": NEEDS_USER,
    "FSD": NEEDS_USER,
    "SET": NEEDS_USER,
    "SET TRACKING ON": NEEDS_USER,
    "INSTCMD none none": NEEDS_USER,
}

# The same from a user who may do everything an administrator can.
ADMIN: dict[str, bytes] = {
    "LOGIN": INVALID,
    "LOGIN a b": INVALID,
    "LOGIN none": UNKNOWN_UPS,
    "LOGIN su700": b"ERR ACCESS-DENIED\n",
    "PRIMARY": INVALID,
    "PRIMARY a b": INVALID,
    "PRIMARY none": UNKNOWN_UPS,
    "PRIMARY su700": b"ERR ACCESS-DENIED\n",
    "MASTER": INVALID,
    "MASTER su700": b"ERR ACCESS-DENIED\n",
    "FSD": INVALID,
    "FSD a b": INVALID,
    "FSD none": UNKNOWN_UPS,
    "FSD su700": b"OK FSD-SET\n",
    "SET": INVALID,
    "SET VAR": INVALID,
    "SET VAR su700": INVALID,
    "SET VAR su700 ups.id": INVALID,
    "SET VAR su700 ups.id two words": INVALID,
    "SET VAR none ups.id x": UNKNOWN_UPS,
    "SET VAR bare ups.id x": b"ERR DRIVER-NOT-CONNECTED\n",
    "SET VAR su700 none x": NO_VAR,
    "SET VAR su700 ups.status OB": b"ERR READONLY\n",
    "SET VAR su700 ups.id 12345678901234567": b"ERR TOO-LONG\n",
    "SET VAR su700 ups.id 1234567890123456": b"OK\n",
    "SET VAR su700 ups.contacts x": b"ERR SET-FAILED\n",
    "SET VAR su700 input.sensitivity none": b"ERR INVALID-VALUE\n",
    "SET VAR su700 input.sensitivity HIGH": b"ERR INVALID-VALUE\n",
    "SET VAR su700 input.sensitivity high": b"OK\n",
    "SET VAR su700 input.transfer.low 101": b"ERR INVALID-VALUE\n",
    "SET VAR su700 input.transfer.low 95x": b"ERR INVALID-VALUE\n",
    "SET VAR su700 input.transfer.low 105": b"OK\n",
    "SET VAR su700 UPS.DELAY.START 5": b"OK\n",
    "SET TRACKING": INVALID,
    "SET TRACKING MAYBE": INVALID,
    "SET TRACKING OFF": b"OK\n",
    "SET NOSUCH x": INVALID,
    "INSTCMD": INVALID,
    "INSTCMD su700": INVALID,
    "INSTCMD su700 load.off 1 2": INVALID,
    "INSTCMD none load.off": UNKNOWN_UPS,
    "INSTCMD bare load.off": b"ERR DRIVER-NOT-CONNECTED\n",
    "INSTCMD su700 none": b"ERR CMD-NOT-SUPPORTED\n",
    "INSTCMD su700 load.off": b"OK\n",
    "INSTCMD su700 LOAD.OFF 30": b"OK\n",
}
