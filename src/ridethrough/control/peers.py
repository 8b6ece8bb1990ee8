# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is at the other end of the control socket: asked of the kernel, never of the peer."""

from __future__ import annotations

import grp
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

OPERATOR: Final = "operator"
"""May change things: root, the user that the server runs as, members of its group."""
OBSERVER: Final = "observer"
"""May read: whoever can open the socket."""

GROUP: Final = "nut"
SO_PEERGROUPS: Final = 59  # Linux 4.13; Python 3.11 has no name for it
MAX_OPTION: Final = 1024  # bytes; getsockopt of Python takes no more
_CRED = struct.Struct("iII")


@dataclass(frozen=True, slots=True)
class Peer:
    """A connected process, as it was when it connected.  `groups` include its primary one."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    role: str = OBSERVER


def peer_of(sock: socket.socket) -> Peer:
    """Return who connected (SO_PEERCRED, SO_PEERGROUPS), as yet without a role."""
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CRED.size)
    pid, uid, gid = _CRED.unpack(data)
    try:
        packed = sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MAX_OPTION)
    except OSError:
        packed = b""  # An old kernel, or more than 256 groups: only the primary one counts.
    groups = struct.unpack(f"{len(packed) // 4}I", packed[: len(packed) // 4 * 4])
    return Peer(pid, uid, gid, frozenset({gid, *groups}))


def group_id(name: str = GROUP) -> int | None:
    """Return the id of a group, or None if there is none of that name."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def default_role(peer: Peer, group: int | None) -> str:
    """Return OPERATOR or OBSERVER for a peer; `group` is the id of the group of operators."""
    if peer.uid in (0, os.geteuid()) or (group is not None and group in peer.groups):
        return OPERATOR
    return OBSERVER
