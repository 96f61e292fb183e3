"""The core of our own WebSocket client under CPython and, unchanged, under MicroPython (its WebAssembly port, in Node)."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.micropython import core_checks

PACKAGE = "@micropython/micropython-webassembly-pyscript"
VERSION = "1.27.0"
ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent.relative_to(ROOT)
CORE = [
    "ocpp_client/__init__.py",
    *(f"ocpp_client/micro/{name}.py" for name in ("__init__", "client", "frames", "sha1", "upgrade", "utf8")),
]
HEAP_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="session")
def micropython(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the npm package, installed once and kept in pytest's cache where there is one."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed (scripts/prepare-tests)")
    cache: pytest.Cache | None = getattr(pytestconfig, "cache", None)
    kept = (tmp_path_factory.mktemp("npm") if cache is None else Path(cache.mkdir("micropython"))) / VERSION
    package = kept / "node_modules" / PACKAGE
    if not package.exists():
        fresh = tempfile.mkdtemp(dir=kept.parent)
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", fresh, f"{PACKAGE}@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            pytest.skip(f"{PACKAGE} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
        try:
            Path(fresh).rename(kept)
        except OSError:  # another test process was faster
            shutil.rmtree(fresh)
    return package


def run(package: Path, program: str) -> list[str]:
    """What a program prints under MicroPython."""
    node = shutil.which("node")
    assert node is not None
    command = [node, str(ROOT / HERE / "run.mjs"), str(package), str(HEAP_BYTES), str(ROOT), program, *CORE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return (done.stdout + done.stderr).splitlines()


@pytest.fixture(scope="session")
def told(micropython: Path) -> list[str]:
    """What all checks said under MicroPython, run once."""
    return run(micropython, str(HERE / "core_checks.py"))


@pytest.mark.parametrize("name", core_checks.CHECKS)
def test_the_core_is_right_under_cpython(name: str) -> None:
    """The counter-proof: the checks themselves are right."""
    core_checks.CHECKS[name]()


@pytest.mark.parametrize("name", core_checks.CHECKS)
def test_the_core_is_right_under_micropython(told: list[str], name: str) -> None:
    """The same files, the same checks."""
    assert f"ok {name}" in told, "\n".join(told)


def test_the_own_check_of_utf8_is_what_micropython_needs(micropython: Path, tmp_path: Path) -> None:
    """Its decoder lets a surrogate through; on CPython the system's decoder is used."""
    program = tmp_path / "strict.py"
    program.write_text("from ocpp_client.micro import sha1, utf8\nprint(utf8.STRICT, sha1.sha1 is sha1.own_sha1)\n")
    assert run(micropython, str(program)) == ["False True"]
