"""Optional packages by extra: what each is for, which are there, and the command that installs what lacks.

`pip install 'inkling[...]'` would be no advice: that name on a package index is not this project. What pip is told to
install are the packages themselves, as this project's metadata name them, which works in a clone and with a wheel.
"""

import re
import shlex
import sys
from importlib.metadata import PackageNotFoundError, requires, version

PURPOSES = {
    "fields": "fields of meshes and pictures: `inkling field` (series need none of it)",
    "cluster": "campaigns: `inkling explore`, and `inkling report` of one",
    "fpga": "placing and routing: `inkling fpga` without --no-route",
    "bench": "rivals of the benchmarks: `make bench`",
    "docs": "the documentation as a site: `make docs`",
    "test": "the tests: `make test`",
}


def requirements(extra: str) -> tuple[str, ...]:
    """What an extra asks for, such as "pillow>=11". Empty where the package's metadata are not there."""
    try:
        found = requires("inkling") or []
    except PackageNotFoundError:
        return ()
    pattern = re.compile(rf"(.+?)\s*;\s*extra == [\"']{re.escape(extra)}[\"']")
    return tuple(match[1] for item in found if (match := pattern.fullmatch(item)))


def missing(extra: str) -> tuple[str, ...]:
    """The requirements of an extra whose package is not installed, whatever its version."""
    return tuple(item for item in requirements(extra) if not _installed(item))


def advice(extra: str, package: str = "") -> str:
    """The command that installs what an extra lacks, or one package of it; where metadata lack, the package alone."""
    lacking = [item for item in requirements(extra) if _name(item) == package] if package else [*missing(extra)]
    return shlex.join([sys.executable, "-m", "pip", "install", *(lacking or [package] * bool(package))])


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~ ;]", requirement, maxsplit=1)[0]


def _installed(requirement: str) -> bool:
    try:
        version(_name(requirement))
    except PackageNotFoundError:
        return False
    return True
