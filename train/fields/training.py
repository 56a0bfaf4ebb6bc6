"""The one training loop of all neural fields: any module, any device, resumable, over one or several processes.

What is learnt is a `Task`, batches and a loss (`inkling.train.fields.visibility`, `inkling.train.fields.tasks`);
checkpoints are `inkling.train.fields.checkpoint`.
"""

import contextlib
import gc
import math
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, Protocol

import torch
from numpy.typing import NDArray

from inkling.train.errors import InputError
from inkling.train.fields import checkpoint

Tensor = torch.Tensor
Batch = dict[str, NDArray[Any]]


class Task(Protocol):
    """What is learnt.

    batch(step, shard): the arrays of one shard of a step's batch, the same whenever it is asked; a thread beside the
    training calls it. loss(model, batch, progress): the mean loss of a shard, progress in 0..1.
    """

    def batch(self, step: int, shard: int) -> Batch: ...

    def loss(self, model: torch.nn.Module, batch: dict[str, Tensor], progress: float) -> Tensor: ...


@dataclass(frozen=True)
class Settings:
    """steps of Adam (Kingma and Ba, 2015) with the rate falling as a cosine to a hundredth after a short warm-up.

    shards: parts of a step's batch, spread over the processes; precision: f32, tf32 or bf16 (tensor cores; autocast);
    grid_rate: the rate of texels, where it differs; checkpoint_every: steps; ahead: batches made beside the training.
    """

    steps: int = 1000
    rate: float = 1e-2
    grid_rate: float | None = None
    shards: int = 1
    seed: int = 0
    device: str = "cpu"
    precision: Literal["f32", "tf32", "bf16"] = "f32"
    compile: bool = False
    checkpoint_every: int = 500
    ahead: int = 3

    def rate_at(self, step: int) -> float:
        """The factor of the rates at a step."""
        warm = min(1.0, (step + 1) / max(1, min(20, self.steps // 10)))
        return warm * (0.01 + 0.99 * (1 + math.cos(math.pi * step / self.steps)) / 2)


@dataclass(frozen=True)
class Trained:
    """How far training came: the steps taken, the loss of each, and whether it was stopped by Ctrl-C."""

    steps: int
    losses: tuple[float, ...]
    stopped: bool


class _Loss(torch.nn.Module):
    """Model and task as one module whose forward is the loss, so that DDP and compilation see the whole step."""

    def __init__(self, model: torch.nn.Module, task: Task):
        super().__init__()
        self.model, self.task = model, task

    def forward(self, batch: dict[str, Tensor], progress: float) -> Tensor:
        return self.task.loss(self.model, batch, progress)


def processes() -> tuple[int, int]:
    """This process's rank and the number of processes, as torchrun says; (0, 1) without it."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def train(
    model: torch.nn.Module,
    task: Task,
    settings: Settings,
    folder: Path | None = None,
    told: Callable[[int, float], None] = lambda step, loss: None,
) -> Trained:
    """Train in place; a model's `progressed(share)`, if it has one, is called before each step and with 1 at the end.

    told: called after each step with the number of steps taken and the loss; may raise KeyboardInterrupt.

    With a folder, checkpoints are kept there and training goes on from a fitting one: killed and started again, it
    ends with the same weights as if it had not been. Ctrl-C ends after the step, writes the checkpoint and returns.
    Under torchrun the shards are spread over the processes. Raises InputError for settings that cannot be, a
    checkpoint of another model, and a loss that is not finite.
    """
    world = processes()[1]
    if settings.steps < 1 or settings.shards < 1 or settings.shards % world:
        raise InputError(
            f"{settings.steps} steps of {settings.shards} shards over {world} processes cannot be shared"
        )
    device = torch.device(settings.device)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise InputError("there is no CUDA device: train with device 'cpu'")
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.set_float32_matmul_precision("highest" if settings.precision == "f32" else "high")
    model.to(device).train()
    optimiser = _optimiser(model, settings)
    losses: list[float] = []
    if folder is not None:
        losses = checkpoint.resume(folder, model, optimiser, _asked(settings))
    with _group(world, device):
        stopped = _steps(model, task, settings, optimiser, losses, device, folder, told)
    model.eval()
    return Trained(len(losses), tuple(losses), stopped and len(losses) < settings.steps)


def _steps(
    model: torch.nn.Module,
    task: Task,
    settings: Settings,
    optimiser: torch.optim.Adam,
    losses: list[float],
    device: torch.device,
    folder: Path | None,
    told: Callable[[int, float], None],
) -> bool:
    """Go on from the losses so far to the last step, appending each loss; whether it was stopped.

    A function of its own, so that its wrapper of the model is gone before the process group is.
    """
    progressed: Callable[[float], None] = getattr(model, "progressed", lambda progress: None)
    module: torch.nn.Module = _Loss(model, task)
    rank, world = processes()
    if world > 1:
        # Texels that are frozen get no gradient, so that Adam leaves them alone.
        freezes = getattr(model, "quantisation", None) is not None
        module = torch.nn.parallel.DistributedDataParallel(module, find_unused_parameters=freezes)
    step_loss = torch.compile(module) if settings.compile else module
    stopped = False
    mine = range(rank, settings.shards, world)
    with _interrupts() as interrupted, _ahead(task, len(losses), settings, mine) as batches:
        for step in range(len(losses), settings.steps):
            _set_rates(optimiser, settings, step)
            progressed(step / settings.steps)
            optimiser.zero_grad(set_to_none=True)
            total = 0.0
            for number in range(len(mine)):
                batch = {k: torch.from_numpy(v).to(device, non_blocking=True) for k, v in next(batches).items()}
                last = number == len(mine) - 1
                sync = contextlib.nullcontext() if last or world == 1 else module.no_sync()  # type: ignore[operator]
                cast = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")
                with sync:
                    with cast:
                        loss = step_loss(batch, step / settings.steps) / len(mine)
                    loss.backward()
                total += loss.detach().float()
            optimiser.step()
            value, stopped = _agree(total, interrupted.is_set(), world, device)
            losses.append(value)
            try:
                told(len(losses), value)
            except KeyboardInterrupt:  # of a caller that handles stops itself; several processes agree a step later
                interrupted.set()
                stopped = stopped or world == 1
            if not math.isfinite(value):
                raise InputError(f"the loss is not finite at step {step}: train at a smaller rate")
            due = stopped or step + 1 == settings.steps or (step + 1) % settings.checkpoint_every == 0
            if due and folder is not None and rank == 0:
                checkpoint.save(folder, model, optimiser, _asked(settings), losses)
            if stopped:
                break
    progressed(1.0)
    return stopped


def _optimiser(model: torch.nn.Module, settings: Settings) -> torch.optim.Adam:
    texels = [p for name, p in model.named_parameters() if ".tables." in f".{name}" and p.requires_grad]
    rest = [p for name, p in model.named_parameters() if ".tables." not in f".{name}" and p.requires_grad]
    groups = [{"params": rest, "base": settings.rate}]
    if texels:
        groups.append({"params": texels, "base": settings.grid_rate or settings.rate})
    groups = [group for group in groups if group["params"]]
    return torch.optim.Adam(groups, lr=settings.rate, betas=(0.9, 0.99), eps=1e-12, fused=True)


def _set_rates(optimiser: torch.optim.Adam, settings: Settings, step: int) -> None:
    for group in optimiser.param_groups:
        group["lr"] = group["base"] * settings.rate_at(step)


def _agree(total: Tensor | float, stop: bool, world: int, device: torch.device) -> tuple[float, bool]:
    """The mean loss over the processes, and whether any of them was interrupted."""
    if world == 1:
        return float(total), stop
    both = torch.tensor([float(total) / world, float(stop)], device=device, dtype=torch.float64)
    torch.distributed.all_reduce(both)
    return float(both[0]), bool(both[1] > 0)


@contextlib.contextmanager
def _group(world: int, device: torch.device) -> Iterator[None]:
    own = world > 1 and not torch.distributed.is_initialized()
    if own:
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        if own:
            # DDP's reducer, as the last to hold the group, would wait for gloo's thread with Python's lock held,
            # which that thread may want.
            gc.collect()
            torch.distributed.destroy_process_group()


@contextlib.contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets; a second Ctrl-C interrupts as usual. Threads other than the main one see none.

    Where a caller has a handler of its own, that decides, and `told` brings the stop.
    """
    event = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield event
        return

    def handler(number: int, frame: FrameType | None) -> None:
        del number, frame
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handler)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _ahead(task: Task, first: int, settings: Settings, mine: range) -> Iterator[Iterator[Batch]]:
    """Batches in order, made by a thread that stays a few ahead; its errors are raised where they are read."""
    made: queue.Queue[Batch | BaseException] = queue.Queue(settings.ahead)
    ended = threading.Event()

    def put(item: Batch | BaseException) -> None:
        while not ended.is_set():
            with contextlib.suppress(queue.Full):
                made.put(item, timeout=0.1)
                return

    def work() -> None:
        try:
            for step in range(first, settings.steps):
                for shard in mine:
                    if ended.is_set():
                        return
                    put(task.batch(step, shard))
        except BaseException as error:
            put(error)

    def read() -> Iterator[Batch]:
        while True:
            item = made.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield read()
    finally:
        ended.set()
        thread.join()


def _asked(settings: Settings) -> dict[str, Any]:
    """The settings on which the weights depend."""
    return {name: getattr(settings, name) for name in ("steps", "rate", "grid_rate", "shards", "seed", "precision")}
