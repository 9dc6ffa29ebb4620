"""Whether anything new may be taken. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktr_common.errors import ProtocolError

if TYPE_CHECKING:
    from cdktr_principal.decisions.core import Core


def check_room(core: Core) -> None:
    """Raises disk_full."""
    if core.disk_full:
        raise ProtocolError(
            "disk_full",
            "the principal's disk is full: nothing new is taken until there is room; what runs is "
            "still recorded",
        )
