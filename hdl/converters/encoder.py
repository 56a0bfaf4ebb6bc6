"""The encoder of a flash converter, thermometer to binary, mapped in a technology's cells where it has no figure."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from inkling.hdl.cells.converters import Converters
from inkling.hdl.cells.technology import Technology


def encoder_cost(converters: Converters, technology: Technology, bits: int) -> tuple[float, Mapping[str, float]]:
    """Area in cm2 and mean power in mW by supply voltage of an encoder of so many bits; one of 1 bit is a wire."""
    if bits <= 1:
        return 0.0, dict.fromkeys(technology.voltages, 0.0)
    given = converters.encoder
    if bits in given.by_bits:
        area, power = given.by_bits[bits]
        volts = dict(power)
        nominal = max(volts, key=float)
        return area * 0.01, {v: 1e-3 * volts.get(v, volts[nominal]) for v in technology.voltages}
    if given.cell is not None:
        count = bits * (2 ** (bits - 1) - 1)
        area, cell_power = given.cell
        return count * area * 0.01, dict.fromkeys(technology.voltages, 1e-3 * count * cell_power)
    key = (technology.name, bits)
    if key not in _MAPPED:
        _MAPPED[key] = _mapped(technology, bits)
    return _MAPPED[key]


_MAPPED: dict[tuple[str, int], tuple[float, Mapping[str, float]]] = {}


def verilog(bits: int) -> str:
    """Module `top` with a port for every level: bit k of the code is an OR of stretches, t_low and not t_high."""
    levels = range(1, 2**bits)
    terms = []
    for k in range(bits):
        ands = (f"(t_{low} & ~t_{low + 2**k})" for low in range(2**k, 2**bits - 2**k, 2 ** (k + 1)))
        terms.append(f"  assign label[{k}] = " + " | ".join([*ands, f"t_{2**bits - 2**k}"]) + ";")
    ports = ", ".join(f"input t_{level}" for level in levels)
    return "\n".join([f"module top({ports}, output [{bits - 1}:0] label);", *terms, "endmodule", ""])


def thermometers(bits: int) -> NDArray[np.uint8]:
    """Every code once as its thermometer, uint8 [codes, levels]."""
    return (np.arange(2**bits)[:, None] >= np.arange(1, 2**bits)).astype(np.uint8)


def _mapped(technology: Technology, bits: int) -> tuple[float, Mapping[str, float]]:
    """Mean power: over codes that are equally frequent."""
    from inkling.hdl.cost.circuit import cost
    from inkling.hdl.mapping.search import map_verilog

    netlist = map_verilog(verilog(bits), technology, time_limit_s=120.0).netlist
    order = [int(port.name.removeprefix("t_")) - 1 for port in netlist.inputs]
    found = cost(netlist, technology, thermometers(bits)[:, order])
    return found.area_cm2, found.static_power_mw
