"""Where does it run, and in which arithmetic?"""

import ctypes
import sys
from contextlib import AbstractContextManager
from typing import Any

import torch

from transformer_mt.config import Precision, UserError
from transformer_mt.distributed import local_rank, world_size


def keep_freed_memory() -> None:
    """Let glibc give freed memory to the next tensor instead of returning it to the system, which has to clear every
    page that it hands out again: 9 % more training tokens/s on two cores, 5 % in beam search. Without glibc nothing
    changes."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD, bytes
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD, bytes


def choose_device(name: str) -> torch.device:
    """The device that `train.device` or `--device` names; raises UserError when the machine lacks it."""
    if name == "auto" and not torch.cuda.is_available():
        return torch.device("mps" if torch.backends.mps.is_available() and world_size() == 1 else "cpu")
    if name in ("auto", "cuda"):
        name = f"cuda:{local_rank()}" if world_size() > 1 else "cuda"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"device={name} is unknown; use auto, cpu, cuda, cuda:1 or mps.") from None
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not present.get(device.type):
        raise UserError(f"device={name}: this machine has no such device; use cpu, or auto.")
    return device


def able_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies matrices of bf16 itself instead of emulating it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and (torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def choose_dtype(precision: Precision, device: torch.device, training: bool = False) -> torch.dtype:
    """The type of matrix products; `auto` is bf16 on GPUs that have it, to train also on CPUs with AMX, else float32.

    Raises:
        UserError: bf16 is asked for, but the device does it only by emulation.
    """
    able = able_bf16(device)
    if precision is Precision.bf16 and not able:
        raise UserError(f"precision=bf16: this machine's {device.type} has no bf16 arithmetic; use fp32.")
    fast = able and (device.type == "cuda" or (training and torch.cpu._is_amx_tile_supported()))
    bf16 = precision is Precision.bf16 or (precision is Precision.auto and fast)
    return torch.bfloat16 if bf16 else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """Matrix products in `dtype`, everything that sums in float32."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not torch.float32)
