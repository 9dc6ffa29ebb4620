"""The listeners `examples/listeners/lines.*` as programs that can be started: the same work in six
languages, built where that is needed. What a machine lacks is told by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LISTENERS = ROOT / "examples" / "listeners"
NODE = ROOT / "build" / "cache" / "node"
RUST = ROOT / "build" / "cache" / "rust"
DEBIAN = Path("/usr/share/cargo/registry")
LANGUAGES = ("python", "bash", "c", "node", "perl", "rust")

Need = Callable[[str], str]


def done(*argv: str, cwd: Path | None = None, **env: str) -> None:
    """A step of a build."""
    made = subprocess.run(
        argv, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, timeout=300
    )
    assert made.returncode == 0, (argv, made.stdout, made.stderr)


def library(package: str, there: bool) -> None:
    """Skip, or fail in CI, without that package of Debian."""
    if not there:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{package} is not installed")


def program(language: str, need: Need, scratch: Path) -> list[str]:
    """How the listener in that language is started, before its three words."""
    return {
        "python": _python, "bash": _bash, "c": _c, "node": _node, "perl": _perl, "rust": _rust
    }[language](need, scratch)  # fmt: skip


def _python(need: Need, scratch: Path) -> list[str]:
    return [sys.executable, str(LISTENERS / "lines.py")]


def _bash(need: Need, scratch: Path) -> list[str]:
    need("jq")
    need("socat")
    return [need("bash"), str(LISTENERS / "lines.sh")]


def _c(need: Need, scratch: Path) -> list[str]:
    library("libcjson-dev", Path("/usr/include/cjson/cJSON.h").exists())
    source = str(LISTENERS / "lines.c")
    words = ("-Wall", "-Wextra", "-Werror", "-o", str(scratch / "lines-c"), source)
    done(need("gcc"), *words, "-lzmq", "-lcjson")
    return [str(scratch / "lines-c")]


def _node(need: Need, scratch: Path) -> list[str]:
    """The package comes with compiled libraries; it is fetched once and kept beside the wheels."""
    node, npm = need("node"), need("npm")
    listed = (LISTENERS / "package.json").read_text()
    stamp = NODE / "package.json"
    if not (stamp.exists() and stamp.read_text() == listed):
        NODE.mkdir(parents=True, exist_ok=True)
        shutil.copy(LISTENERS / "package.json", NODE / "wanted.json")
        words = ("--prefix", str(NODE), "--no-audit", "--no-fund", "--ignore-scripts", "--no-save")
        done(npm, "install", *words, *_wanted(listed))
        (NODE / "wanted.json").rename(stamp)
    return ["env", f"NODE_PATH={NODE / 'node_modules'}", node, str(LISTENERS / "lines.js")]


def _wanted(listed: str) -> list[str]:
    return [f"{name}@{version}" for name, version in json.loads(listed)["dependencies"].items()]


def _perl(need: Need, scratch: Path) -> list[str]:
    perl = need("perl")
    library("libzmq-ffi-perl", not subprocess.run([perl, "-MZMQ::FFI", "-e", "1"]).returncode)
    return [perl, str(LISTENERS / "lines.pl")]


def _rust(need: Need, scratch: Path) -> list[str]:
    """With the crates that Debian ships as packages, and nothing else."""
    cargo = "/usr/bin/cargo" if Path("/usr/bin/cargo").exists() else need("cargo")
    library("librust-zmq-dev", any(DEBIAN.glob("zmq-[0-9]*")))
    library("librust-serde-json-dev", any(DEBIAN.glob("serde_json-*")))
    source = shutil.copytree(LISTENERS / "lines-rs", RUST / "lines-rs", dirs_exist_ok=True)
    config = (
        "--config", 'source.crates-io.replace-with="debian"',
        "--config", f'source.debian.directory="{DEBIAN}"',
    )  # fmt: skip
    target = RUST / "target"
    done(cargo, "build", "--offline", "-q", *config, cwd=source, CARGO_TARGET_DIR=str(target),
         RUSTFLAGS="-C debuginfo=0")  # fmt: skip
    return [str(target / "debug" / "lines")]
