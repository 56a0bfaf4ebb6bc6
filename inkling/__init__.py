"""The front door: measured data in, the smallest verified circuit and the fastest integer kernel out.

The Python door is what stands in `__all__`, imported when it is first asked for; the command line is in
`inkling.cli`, the stages below in `inkling.train`, `inkling.approx`, `inkling.hdl`, `inkling.sim`, `inkling.reports`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inkling.version import __version__

if TYPE_CHECKING:
    from inkling.door import field, load, run
    from inkling.estimator import BespokeClassifier
    from inkling.results import Design, Field, Run
    from inkling.train.errors import InputError

__all__ = ["BespokeClassifier", "Design", "Field", "InputError", "Run", "__version__", "field", "load", "run"]

_HOMES = {
    "BespokeClassifier": "inkling.estimator",
    **dict.fromkeys(("Design", "Field", "Run"), "inkling.results"),
    "InputError": "inkling.train.errors",
    **dict.fromkeys(("field", "load", "run"), "inkling.door"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'inkling' has no attribute {name!r}; public are {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
