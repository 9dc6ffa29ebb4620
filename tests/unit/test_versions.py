"""Programs of different protocols: what is said names both, and which one to upgrade to what."""

from __future__ import annotations

import pytest

from cdktr_common import PROTOCOL, __version__, versions
from cdktr_common.catalogue import COMMON_REQUESTS, LOGD_REQUESTS, PRINCIPAL_REQUESTS
from cdktr_common.codec import RequestDecoder
from cdktr_common.errors import ProtocolError

HERE = f"{__version__} speaks protocol {PROTOCOL}"
PRINCIPAL = RequestDecoder((*COMMON_REQUESTS, *PRINCIPAL_REQUESTS))
LOGD = RequestDecoder((*COMMON_REQUESTS, *LOGD_REQUESTS))


def test_the_same_protocol_is_no_matter_which_version() -> None:
    versions.check("cdktr-principal", "cdktr-agent", "0.0.1", PROTOCOL)
    versions.check("cdktr-principal", "", "", PROTOCOL)


@pytest.mark.parametrize(
    ("other", "version", "protocol", "says"),
    [
        ("cdktr_cli", "0.0.9", 0,
         f"cdktr-cli 0.0.9 speaks protocol 0, cdktr-principal {HERE}: "
         f"upgrade cdktr-cli to version {__version__} or later"),
        ("cdktr-agent", "7.1.0", 7,
         f"cdktr-agent 7.1.0 speaks protocol 7, cdktr-principal {HERE}: "
         "upgrade cdktr-principal to version 7.1.0 or later"),
        ("", "", 0, f"upgrade the program that asks to version {__version__} or later"),
        ("", "", 7, "upgrade cdktr-principal to one that speaks protocol 7"),
    ],
)  # fmt: skip
def test_the_older_protocol_is_to_be_upgraded(
    other: str, version: str, protocol: int, says: str
) -> None:
    with pytest.raises(ProtocolError) as refused:
        versions.check("cdktr-principal", other, version, protocol)
    assert refused.value.code == "version"
    assert refused.value.exit == 5
    assert says in refused.value.detail


@pytest.mark.parametrize(
    ("decoder", "body", "says"),
    [
        (PRINCIPAL, b'{"type":"hello","v":7,"program":"cdktr-tui","version":"7.0.0"}',
         "upgrade cdktr-principal to version 7.0.0 or later"),
        (PRINCIPAL, b'{"type":"hello","v":7,"program":5}', "to one that speaks protocol 7"),
        (PRINCIPAL, b'{"type":"agent.hello","v":0,"agent":1,"version":"0.0.1"}',
         f"upgrade cdktr-agent to version {__version__} or later"),
        (PRINCIPAL, b'{"type":"run.begin","v":7}', "the program that asks speaks protocol 7"),
        (LOGD, b'{"type":"log.append","v":7,"lines":[]}', f"cdktr-logd {HERE}"),
    ],
)  # fmt: skip
def test_a_message_of_another_protocol_is_refused_as_such_whatever_is_in_it(
    decoder: RequestDecoder, body: bytes, says: str
) -> None:
    with pytest.raises(ProtocolError) as refused:
        decoder.decode(body)
    assert refused.value.code == "version"
    assert says in refused.value.detail
