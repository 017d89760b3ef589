"""How do several processes share one run? In a process of its own everything here but the lock is the identity.

`torchrun` starts the processes and tells each its place by the variables RANK, LOCAL_RANK and WORLD_SIZE.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist

# DistributedDataParallel imports this, too: after init_process_group its default arguments would keep the group,
# and with it gloo's threads, beyond destroy_process_group; one that waits for a Python that shuts down aborts it.
import torch.distributed.nn


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This process's number, from 0."""
    return int(os.environ.get("RANK", "0")) if world_size() > 1 else 0


def local_rank() -> int:
    """This process's number on its machine, from 0."""
    return int(os.environ.get("LOCAL_RANK", "0")) if world_size() > 1 else 0


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Inside, the processes can talk to each other: NCCL between GPUs, gloo between CPUs."""
    if world_size() > 1:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    yield
    if world_size() > 1:  # not after an error: the others may be waiting, and torchrun ends them
        dist.destroy_process_group()


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
    found: list[Any] = [None] * world_size()
    dist.all_gather_object(found, value)
    return found


def interleaved(mine: list[Any]) -> list[Any]:
    """The whole list, of which every process has `items[rank() :: world_size()]`."""
    parts = gathered(mine)
    whole: list[Any] = [None] * sum(map(len, parts))
    for i, part in enumerate(parts):
        whole[i :: len(parts)] = part
    return whole
