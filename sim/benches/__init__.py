"""cocotb test benches, ours and the one that a user gets. Bulk simulation is `inkling.sim.verilator`."""
