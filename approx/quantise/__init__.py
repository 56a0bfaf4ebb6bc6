"""Float models turned to integer networks: our own, scikit-learn's, torch's and ONNX's.

What the integers mean is in `inkling.approx.reference`.
"""
