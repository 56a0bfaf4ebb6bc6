"""Cost in real cells, rivals, Pareto fronts and the report. Imports `sim`, `hdl`, `approx`, `train`."""
