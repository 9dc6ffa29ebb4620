"""The catalogue: every message there is, the only source of PROTOCOL.md and of the vectors.

Import the classes from here. Adding a message: its class with docstring and example in the file
of the program that takes it, its name in that file's tuple, a handler there, `make protocol`.
"""

from __future__ import annotations

from cdktr_common.catalogue.base import Fact, Message, Reply, Request
from cdktr_common.catalogue.common import COMMON_REQUESTS, StreamStat
from cdktr_common.catalogue.common import Error as Error
from cdktr_common.catalogue.facts import FACTS
from cdktr_common.catalogue.logd import LOGD_REQUESTS, LogLive
from cdktr_common.catalogue.principal import PRINCIPAL_REQUESTS, AgentLoads

REQUESTS: tuple[type[Request], ...] = (*COMMON_REQUESTS, *PRINCIPAL_REQUESTS, *LOGD_REQUESTS)

REPLIES: tuple[type[Reply], ...] = (
    Error,
    *dict.fromkeys(answer for request in REQUESTS for answer in request.answers),
)

PUBLISHED: tuple[type[Message], ...] = (StreamStat, AgentLoads, LogLive)

__all__ = [
    "COMMON_REQUESTS",
    "FACTS",
    "LOGD_REQUESTS",
    "PRINCIPAL_REQUESTS",
    "PUBLISHED",
    "REPLIES",
    "REQUESTS",
    "Error",
    "Fact",
    "Message",
    "Reply",
    "Request",
]
