"""From a trained `torch.nn.Sequential` to an `AffineModel`.

Module objects only, never files of them: a saved module is a pickle. From a file, bring ONNX
(`inkling.approx.quantise.from_onnx`).
"""

from typing import TYPE_CHECKING

import numpy as np

from inkling.train.errors import InputError
from inkling.train.networks.affine_model import Affine, AffineModel, Clip, Floats, Operation, Task, relu
from inkling.train.networks.piecewise_linear import model

if TYPE_CHECKING:
    import torch

ADVICE = "use Linear, ReLU, ReLU6, Hardtanh, BatchNorm1d, Flatten, Dropout and Identity, with Softmax or Sigmoid last"


def read(module: "torch.nn.Module", *, task: Task = "classification", classes: tuple[str, ...] = ()) -> AffineModel:
    """The function of a Sequential in evaluation mode; classes: the label texts in order of the outputs.

    Raises InputError, naming the layer that cannot be converted and what to use instead.
    """
    from torch import nn

    operations: list[Operation] = []
    ended = ""
    for name, layer in _flat(module, ""):
        where = f"layer {name or '0'}, {type(layer).__name__},"
        if ended and not isinstance(layer, nn.Identity | nn.Dropout | nn.Flatten):
            raise InputError(f"{where} comes after {ended}, which must be last")
        match layer:
            case nn.Linear():
                bias = np.zeros(layer.out_features) if layer.bias is None else _array(layer.bias)
                operations.append(Affine(_array(layer.weight), bias))
            case nn.ReLU6():
                operations.append(relu(6.0))
            case nn.ReLU():
                operations.append(relu())
            case nn.Hardtanh():
                operations.append(Clip(float(layer.min_val), float(layer.max_val)))
            case nn.BatchNorm1d():
                operations.append(_batch_norm(layer, where))
            case nn.Flatten() | nn.Dropout() | nn.Identity():
                pass
            case nn.Softmax() | nn.LogSoftmax() | nn.Sigmoid():
                if task == "regression":
                    raise InputError(f"{where} of a regression cannot be converted: end with a Linear layer")
                ended = type(layer).__name__
            case _:
                raise InputError(f"{where} cannot be converted: {ADVICE}")
    linear = next((o for o in operations if isinstance(o, Affine)), None)
    if linear is None or not any(isinstance(o, Affine) and o.weights.ndim == 2 for o in operations):
        raise InputError("a Sequential without a Linear layer has nothing to convert: add one")
    width = operations[0].weights.shape[-1] if isinstance(operations[0], Affine) else linear.weights.shape[-1]
    return model(operations, int(width), task, classes=classes, source="torch.nn.Sequential")


def _flat(module: "torch.nn.Module", name: str) -> list[tuple[str, "torch.nn.Module"]]:
    from torch import nn

    if not isinstance(module, nn.Sequential):
        return [(name, module)]
    return [pair for key, child in module.named_children() for pair in _flat(child, f"{name}.{key}".lstrip("."))]


def _batch_norm(layer: "torch.nn.BatchNorm1d", where: str) -> Affine:
    if layer.running_mean is None or layer.running_var is None:
        raise InputError(f"{where} keeps no running statistics: train it with track_running_stats=True")
    scale = 1 / np.sqrt(_array(layer.running_var) + layer.eps)
    if layer.weight is not None:
        scale = scale * _array(layer.weight)
    shift = 0.0 if layer.bias is None else _array(layer.bias)
    return Affine(scale, shift - scale * _array(layer.running_mean))


def _array(tensor: "torch.Tensor") -> Floats:
    return np.asarray(tensor.detach().cpu().numpy(), np.float64)
