"""Denies the network to a Python process, and records who tried.

Python imports a module of this name by itself at its start when this folder is on PYTHONPATH, so child processes are
held to it as well; conftest.py loads it into pytest. An audit hook sees the sockets of every library, asyncio's
included. Only loopback addresses, UNIX sockets and names of this machine get through; torchrun asks for its own name.
"""

import errno
import ipaddress
import os
import socket
import sys
from typing import Any

RECORD = "NO_NETWORK_RECORD"
"""The environment variable that names the file to which attempts are appended, one a line."""

_ADDRESSED = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_NAMED = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _ADDRESSED:
        opened, address = arguments[:2]
        if address is not None and opened.family in {socket.AF_INET, socket.AF_INET6} and not _is_here(address[0]):
            _deny(event, f"{address[0]}:{address[1]}")
    elif event in _NAMED and not _is_here(arguments[0]):
        _deny(event, str(arguments[0]))


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost", socket.gethostname()}:
        return True
    try:
        address = ipaddress.ip_address(str(name).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _deny(event: str, target: str) -> None:
    record = os.environ.get(RECORD)
    if record:
        with open(record, "a", encoding="utf-8") as file:
            file.write(f"{event} {target} by {' '.join(sys.argv)}\n")
    raise OSError(errno.ENETUNREACH, f"the tests have no network: {event} {target}")


sys.addaudithook(_watch)
