"""What tests need from npm, pinned in tests/node; fetched once and kept in the user's cache."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

NODE = Path(__file__).resolve().parent / "node"
NODE_NEEDED = 20
_FILES = ("package.json", "package-lock.json")
_SECONDS_MAX = 300


def are_to_be_had() -> bool:
    """Return whether this machine has a Node that is new enough, and npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", answer.stdout)
    return found is not None and int(found[1]) >= NODE_NEEDED


def _folder() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    content = b"".join((NODE / name).read_bytes() for name in _FILES)
    return Path(caches) / "xref" / f"node-{hashlib.sha256(content).hexdigest()[:12]}"


def fetched() -> Path:
    """Return the folder with `node_modules`; npm checks each package by its hash."""
    folder = _folder()
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        for name in _FILES:
            shutil.copy(NODE / name, scratch)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=scratch,
            capture_output=True,
            check=True,
            timeout=_SECONDS_MAX,
        )
        with suppress(OSError):  # another process was quicker
            Path(scratch).rename(folder)
            Path(scratch).mkdir()  # for the temporary folder's own end
    return folder


def run(script: str, *arguments: str | Path, folder: Path) -> str:
    """Run a script of tests/node in a folder of its own; return what it printed."""
    shutil.copy(NODE / script, folder)
    (folder / "node_modules").symlink_to(fetched() / "node_modules")
    command = ["node", script, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=_SECONDS_MAX
    )
    return done.stdout


if __name__ == "__main__":
    fetched()
