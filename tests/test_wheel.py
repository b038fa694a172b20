"""The wheel is whole: installed into an empty folder, far from the checkout, it runs the demo."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

INSTALL_SECONDS_MAX = 300
DEMO_SECONDS_MAX = 180

# The build and the command run as they would for someone else: nothing of this checkout.
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if name not in {"PYTHONPATH", "VIRTUAL_ENV"} and not name.startswith("PYTEST")
}


def run(*command: str | Path, folder: Path, seconds: int = INSTALL_SECONDS_MAX) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=CLEAN,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-3000:]}"
    return done.stdout


def pip(python: Path | str, *arguments: str | Path, folder: Path) -> None:
    """Install with this Python's own pip into the environment of `python`."""
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        run(uv, "pip", *arguments, "--quiet", "--python", python, folder=folder)
    else:
        run(
            *(sys.executable, "-m", "pip", "--python", python, *arguments, "--quiet"),
            folder=folder,
        )


def built_wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the pinned backend, offline, from a copy of what it is made of."""
    source = tmp_path_factory.mktemp("source")
    for name in ("src", "schemas", "policies", "adapters"):
        shutil.copytree(
            repository / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(repository / name, source)
    target = tmp_path_factory.mktemp("dist")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    run(sys.executable, "-c", build, target, folder=source)
    (built,) = target.glob("*.whl")
    return built


def installed_wheel(repository: Path, wheel: Path, home: Path) -> Path:
    """Return the folder of commands of a fresh environment that holds the wheel."""
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pinned = repository / "requirements" / "run.txt"
    pip(python, "install", "--require-hashes", "-r", pinned, folder=home)
    pip(python, "install", "--no-deps", wheel, folder=home)
    return home / "bin"


def check_data(repository: Path, installed: Path, folder: Path) -> None:
    """The wheel carries every file of schemas, policies and adapters, and no other."""
    program = (
        "import json, xref.resources as r;"
        "print(json.dumps({n: str(r.data_folder(n)) for n in r.DATA_FOLDERS}))"
    )
    folders = json.loads(run(installed / "python", "-I", "-c", program, folder=folder))
    assert set(folders) == {"schemas", "policies", "adapters"}
    for name, place in folders.items():
        assert Path(place).parts[-3:] == ("xref", "data", name)
        shipped = {path.relative_to(place) for path in Path(place).rglob("*") if path.is_file()}
        ours = {
            path.relative_to(repository / name)
            for path in (repository / name).rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }
        assert shipped == ours != set()


def check_demo(installed: Path, folder: Path) -> None:
    """The demo runs far from the checkout, and its trails and links reconcile."""
    answer = run(
        installed / "xref",
        *("demo", "--case", "first-crossing", "--json"),
        folder=folder,
        seconds=DEMO_SECONDS_MAX,
    )
    report = json.loads(answer)
    assert report["reconciled"] is True
    assert {message["outcome"] for message in report["messages"]} >= {"delivered", "refused"}


# One test, because workers share no fixture and the wheel is to be installed once.
@pytest.mark.slow
def test_the_wheel_is_whole_and_runs_the_demo(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wheel = built_wheel(repository, tmp_path_factory)
    installed = installed_wheel(repository, wheel, tmp_path_factory.mktemp("installed"))
    empty = tmp_path_factory.mktemp("empty")
    check_data(repository, installed, empty)
    check_demo(installed, empty)
