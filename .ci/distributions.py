"""What is released holds what it should and nothing else: python3 .ci/distributions.py FILE..., beside a checkout.

A source distribution is the checkout, whatever the time and place: the files that git tracks and setuptools' own, in
order, without owners and times. A wheel is the package: its modules, declarations, headers and tables, and the licence.
"""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
VERSION = re.search(r'^__version__ = "(.*)"$', (ROOT / "alignment_fast/__init__.py").read_text("utf-8"), re.M)[1]
LICENSE = (ROOT / "LICENSE").read_bytes()
MADE_BY_SETUPTOOLS = {"PKG-INFO", "setup.cfg"}
START_FILE = "alignment_fast_accel.pth"
IN_WHEELS = {".py", ".pyi", ".pxd", ".c", ".h", ".inc", ".cu", ".json", ".tsv", ".pth", ".typed", ".so", ".pyd"}
# Of benchmarks/ a wheel has what is timed, not the developers' tools.
TIMED = re.compile(r"alignment_fast/benchmarks/(?:names/\w+|test_bench_\w+|worker|schema)\.(?:py|json)$")


def tracked():
    """Return the files of the checkout."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    return set(listed.rstrip("\0").split("\0"))


def require(wrong, what):
    """End with a message if anything is wrong."""
    if wrong:
        sys.exit(f"{what}: {wrong}")


def check_sdist(path):
    top = f"alignment_fast-{VERSION}"
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        licence = archive.extractfile(f"{top}/LICENSE").read()
    names = [member.name for member in members]
    files = {name.removeprefix(f"{top}/") for name in names}
    metadata = {name for name in files if name.startswith("alignment_fast.egg-info/")} | MADE_BY_SETUPTOOLS
    require(sorted(tracked() - files), "files that the source distribution lacks")
    require(sorted(files - tracked() - metadata), "files that git does not track in the source distribution")
    require([name for name in names if not name.startswith(f"{top}/")], f"not in {top}/")
    require([one for one, right in zip(names, sorted(names), strict=True) if one != right][:1], "out of order")
    origins = {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members}
    require(origins - {(0, 0, "", "", members[0].mtime)}, "owners and times")
    require([one.name for one in members if one.mode not in (0o644, 0o755)], "modes")
    require([] if licence == LICENSE else [path], "another licence")


def check_wheel(path):
    with zipfile.ZipFile(path) as archive:
        files = {name for name in archive.namelist() if not name.endswith("/")}
        information = f"alignment_fast-{VERSION}.dist-info"
        licence = archive.read(f"{information}/licenses/LICENSE")
        metadata = archive.read(f"{information}/METADATA").decode()
    package = {name for name in files if not name.startswith(f"{information}/")}
    ours = {
        re.sub("^(benchmarks|kernels)/", r"alignment_fast/\1/", name)
        for name in tracked()
        if re.match("(alignment_fast|benchmarks|kernels)/", name)
    }
    modules = {name for name in ours if name.endswith((".py", ".pyi", ".pxd")) or "/kernels/include/" in name}
    modules = {name for name in modules if "/benchmarks/" not in name} | {*filter(TIMED.match, ours)}
    compiled = {name for name in package if name.endswith((".so", ".pyd"))}
    require(sorted(modules - package), "files that the wheel lacks")
    require(sorted(package - ours - compiled - {START_FILE}), "files of no checkout in the wheel")
    require(sorted(name for name in package if PurePosixPath(name).suffix not in IN_WHEELS), "files of other kinds")
    require([] if compiled else [path], "nothing compiled")
    require([] if licence == LICENSE else [path], "another licence")
    for line in (f"Version: {VERSION}", "License-Expression: BSD-3-Clause", "License-File: LICENSE"):
        require([] if line in metadata.splitlines() else [line], "not in the metadata")


for argument in sys.argv[1:]:
    (check_wheel if argument.endswith(".whl") else check_sdist)(Path(argument))
    print(f"{Path(argument).name}: as it should be")
