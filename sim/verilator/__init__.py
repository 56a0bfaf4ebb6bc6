"""Verilog simulated in bulk by Verilator. Test benches in Python are `inkling.sim.benches`."""
