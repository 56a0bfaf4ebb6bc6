"""ONNX and QONNX: reading a file within bounds, what each operator means, and running the file itself.

The door is `inkling.approx.quantise.from_onnx`.
"""
