"""The product as it was one commit ago, built where no committed numbers hold."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

from gate import meters

#: what the counted calls consist of
PRODUCT = [
    "csrc",
    "setup.py",
    "pyproject.toml",
    "dolphindb_fast",
    ":(exclude)dolphindb_fast/localserver",
    ":(exclude)dolphindb_fast/commands",
    ":(exclude)dolphindb_fast/__main__.py",
]


class NoReference(Exception):
    """There is no earlier commit to compare with."""


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise NoReference(f"git {' '.join(arguments[:2])}: {done.stderr.strip()[:300] or 'failed'}")
    return done.stdout.strip()


def commit_before(repository: Path) -> str:
    """The state to compare the work tree with.

    With uncommitted changes to the product the last commit; else the parent of the last commit that changed
    the product. Commits that only touch tests or texts are passed over: they would compare it with itself.
    """
    try:
        top = git(repository, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        raise NoReference("git not found") from None
    if git(Path(top), "status", "--porcelain", "--", *PRODUCT):
        return git(Path(top), "rev-parse", "HEAD")
    last = git(Path(top), "log", "-1", "--format=%H", "--", *PRODUCT)
    if not last:
        raise NoReference("no commit changed the product")
    try:
        return git(Path(top), "rev-parse", "--verify", "--quiet", f"{last}^")
    except NoReference:
        raise NoReference(f"{last[:12]} has no parent here (a shallow clone?)") from None


def build(repository: Path, commit: str, key: str) -> Path:
    """Build the wheel of `commit` with this interpreter; the folder in which it lies unpacked."""
    target = meters.BUILT / f"reference-{commit[:12]}-{zlib.crc32(key.encode()):08x}"
    if target.exists():
        return target
    done = subprocess.run(["git", "-C", str(repository), "archive", commit], capture_output=True)
    if done.returncode:
        raise NoReference(f"git archive {commit[:12]}: {done.stderr.decode(errors='replace').strip()[:300]}")
    meters.BUILT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=meters.BUILT) as folder:
        source, wheels, unpacked = Path(folder) / "source", Path(folder) / "wheels", Path(folder) / "unpacked"
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(source, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels), str(source)]
        env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        # with what is installed, which needs no network, else with what pip fetches
        for options in (["--no-build-isolation", "--check-build-dependencies"], []):
            made = subprocess.run([*command, *options], capture_output=True, text=True, env=env, cwd=folder)
            found = sorted(wheels.glob("*.whl"))
            if made.returncode == 0:
                break
        if made.returncode or not found:
            said = (made.stderr or made.stdout).strip()[-1500:]
            raise NoReference(f"{commit[:12]} does not build here: {said}")
        zipfile.ZipFile(found[0]).extractall(unpacked)
        unpacked.replace(target)
    return target
