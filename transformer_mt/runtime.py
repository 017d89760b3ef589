"""Where does it run? Device and precision, and how several processes share the work.

`torchrun` starts processes that train together, and tells each its place by the variables RANK,
LOCAL_RANK and WORLD_SIZE. With a single process their functions here do nothing.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
import torch.distributed as dist

# Import this before there is a group. DistributedDataParallel would import it afterwards, and its
# default arguments would then keep the group, and gloo's threads, beyond destroy_process_group. A
# thread that waits for a Python that shuts down aborts it.
import torch.distributed.nn

from transformer_mt.config import Precision, UserError

# -------------------------------------------------------------------------- device and precision


def choose_device(name: str) -> torch.device:
    """The device that `train.device` or `--device` names.

    Raises:
        UserError: the machine lacks it, or there is no such device.
    """
    has_mps = torch.backends.mps.is_available()
    if name == "auto" and not torch.cuda.is_available():
        # Processes cannot exchange gradients on Apple's GPUs.
        return torch.device("mps" if has_mps and world_size() == 1 else "cpu")
    if name in ("auto", "cuda"):
        name = f"cuda:{local_rank()}" if world_size() > 1 else "cuda"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"device={name} is unknown; use auto, cpu, cuda, cuda:1 or mps.") from None
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": has_mps,
    }
    if not present.get(device.type):
        raise UserError(f"device={name}: this machine has no such device; use cpu, or auto.")
    return device


def able_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies matrices of bf16 itself instead of emulating it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and (
        torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    )


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The type of matrix products.

    `auto` is bf16 on GPUs that have it, else float32: on a CPU, even one with AMX, bf16 takes twice
    as long for a small model (`docs/speed.md`).

    Raises:
        UserError: bf16 is asked for, but the device does it only by emulation.
    """
    able = able_bf16(device)
    if precision is Precision.bf16 and not able:
        raise UserError(
            f"precision=bf16: this machine's {device.type} has no bf16 arithmetic; use fp32."
        )
    if precision is Precision.auto:
        precision = Precision.bf16 if able and device.type == "cuda" else Precision.fp32
    return torch.bfloat16 if precision is Precision.bf16 else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """Matrix products in `dtype`, everything that sums in float32."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not torch.float32)


# ------------------------------------------------------------------- processes that train together


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ.get("RANK", "0")) if world_size() > 1 else 0


def local_rank() -> int:
    """This process's number on its machine, from 0."""
    return int(os.environ.get("LOCAL_RANK", "0")) if world_size() > 1 else 0


def check_launch() -> None:
    """Refuse to train where it is said how many processes there are, but not which is this one.

    Raises:
        UserError: `WORLD_SIZE` is set without the variables that `torchrun` sets with it, or one of
            them is no number.
    """
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        value = os.environ.get(name, "1")
        if not value.isdecimal():
            raise UserError(
                f"{name}={value} is not a number: start the processes with torchrun, or unset it."
            )
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if world_size() > 1 and missing:
        raise UserError(
            f"WORLD_SIZE={world_size()} is set, but not {', '.join(missing)}: start the processes "
            "with torchrun, or unset WORLD_SIZE to train with one."
        )


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Inside, the processes can talk to each other: NCCL between GPUs, gloo between CPUs."""
    if world_size() > 1:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    yield
    # Not after an error: the other processes may be waiting in it, and torchrun ends them.
    if world_size() > 1:
        dist.destroy_process_group()


# Each of the next three must be called by all processes, in the same order.


def totals(values: list[float], device: torch.device) -> list[float]:
    """Every value, summed over all processes."""
    if world_size() == 1:
        return values
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return tensor.tolist()


def gathered(value: Any) -> list[Any]:
    """The values of all processes, by rank."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def interleaved(share: list[Any]) -> list[Any]:
    """The whole list, of which this process has the share `items[rank() :: world_size()]`."""
    shares = gathered(share)
    items: list[Any] = [None] * sum(map(len, shares))
    for number, share in enumerate(shares):
        items[number :: len(shares)] = share
    return items


# ----------------------------------------------------------------------------------------- workers


@contextmanager
def worker_pool(n_processes: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that take pieces of work; none outlives this one, however it ends."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(n_processes, initializer=_start_worker)
    try:
        yield pool
    except BaseException:  # do not wait for pieces that nobody will ask for
        for worker in set(multiprocessing.active_children()) - others:
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent process, and end when that does, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()  # until it ends
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
