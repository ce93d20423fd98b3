"""Time stamps over seals, held against OpenSSL's own authority and verifier."""

import datetime as dt
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError

import pytest
from tests.authority import make_authority, serving
from tests.refusing import refusal

from equipoise.exchange.time_stamps import ask_time_stamp, check_time_stamp, load_authorities
from equipoise.problems import Refused

ROOT = "3f" * 32


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_authority(tmp_path_factory.mktemp("tsa") / "own")


@pytest.fixture
def url(authority: Path) -> Iterator[str]:
    with serving(authority.parent) as address:
        yield address


@pytest.mark.requirement("C04", "C12")
def test_a_seal_is_stamped_and_openssl_agrees(authority: Path, url: str, tmp_path: Path) -> None:
    """The service's instant is told; `openssl ts -verify` finds the same token good."""
    trusted = load_authorities(authority.read_bytes())
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)

    stamped = ask_time_stamp(ROOT, url=url, authorities=trusted)

    assert before <= stamped.at <= dt.datetime.now(dt.UTC)
    assert check_time_stamp(ROOT, stamped.token, authorities=trusted) == stamped
    (tmp_path / "root.txt").write_text(ROOT)
    (tmp_path / "token.tsr").write_bytes(stamped.token)
    line = ["openssl", "ts", "-verify", "-data", tmp_path / "root.txt"]
    line += ["-in", tmp_path / "token.tsr", "-CAfile", authority]
    verified = subprocess.run(line, capture_output=True, text=True, check=False)
    assert "Verification: OK" in verified.stdout + verified.stderr


@pytest.mark.requirement("C04", "D29")
def test_what_is_no_stamp_of_this_seal_is_refused(
    authority: Path, url: str, tmp_path: Path
) -> None:
    """Another seal or authority, a flipped byte, an old answer, nonsense: none is believed."""
    trusted = load_authorities(authority.read_bytes())
    token = ask_time_stamp(ROOT, url=url, authorities=trusted).token
    other = load_authorities(make_authority(tmp_path / "other").read_bytes())
    spoiled = bytearray(token)
    spoiled[-40] ^= 1

    def check(root: str = ROOT, content: bytes = token, **given: object) -> list[str]:
        known = {"authorities": trusted, **given}
        return refusal(lambda: check_time_stamp(root, content, **known))  # type: ignore[arg-type]

    assert check(root="4e" * 32) == ["EQ-X911"]
    assert check(authorities=other) == ["EQ-X911"]
    assert check(content=bytes(spoiled)) == ["EQ-X911"]
    assert check(nonce=7) == ["EQ-X911"]
    for nonsense in (b"", b"<html>", token[:200]):
        assert check(content=nonsense) == ["EQ-X911"]
    assert refusal(lambda: load_authorities(b"no certificate")) == ["EQ-X911"]


def test_a_service_that_refuses_is_a_problem_and_leaves_nothing_open(authority: Path) -> None:
    """What the server of the library answers whoever posts to it: 501."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with pytest.raises(Refused) as caught:
            ask_time_stamp(ROOT, url=url, authorities=load_authorities(authority.read_bytes()))
        server.shutdown()
        thread.join()
    assert [p.code for p in caught.value.problems] == ["EQ-X910"]
    refused = caught.value.__cause__
    assert isinstance(refused, HTTPError) and refused.closed


def test_a_service_that_does_not_answer_is_a_problem(authority: Path) -> None:
    """Nobody there, an address of another kind."""
    trusted = load_authorities(authority.read_bytes())
    for url in ("http://127.0.0.1:9/", "file:///etc/passwd", "http://[nowhere/"):
        with pytest.raises(Refused) as caught:
            ask_time_stamp(ROOT, url=url, authorities=trusted)
        assert [p.code for p in caught.value.problems] == ["EQ-X910"]
