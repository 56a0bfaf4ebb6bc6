"""Frames of emitted texts: `.c` and `.h` files beside a module, in which `$name` or `${name}` stands for a value.

What varies more than by a value is written where it is emitted.
"""

from pathlib import Path
from string import Template


def frame(module: str, name: str, /, **values: object) -> str:
    """The frame `name` beside the file `module`, with exactly the values that it names."""
    text = Template(Path(module).with_name(name).read_text("ascii"))
    assert set(text.get_identifiers()) == set(values), sorted(set(text.get_identifiers()) ^ set(values))
    return text.substitute(values)
