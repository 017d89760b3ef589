"""How do the cores of one machine share the work? Each takes rows of its own.

A worker is a thread that computes alone, on its own sentences, with operators of one thread.
Threads inside every operator would instead wait for each other thousands of times in a second: the
matrices are small, and when the system lends one core to another program, all cores stand still.
CTranslate2 and Marian share out their work in the same way.
"""

import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

ShareOut = Callable[..., Iterator[Any]]
"""Applies a function to pieces, as `map` does."""

_lock = threading.Lock()
_here = threading.local()  # `is_inside`: whether this thread's operators have one thread already
_n_inside = 0
_n_threads_before = 0


def available_cores() -> int:
    """The cores that this process may use: those of its affinity, within its cgroup's limit."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it, macOS and Windows do not
    n_visible = len(affinity(0)) if affinity else os.cpu_count() or 1
    granted = cgroup_limit(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    return max(1, math.ceil(min(n_visible, granted)))


def cgroup_limit(membership: Path, root: Path) -> float:
    """Cores that control groups grant, as containers and batch systems set it; inf = no limit.

    Args:
        membership: the file that says which groups a process is in.
        root: where the groups are mounted: one tree (version 2), or one with a folder `cpu`
            (version 1).
    """
    try:
        lines = membership.read_text("utf-8").splitlines()
    except OSError:  # not Linux
        return math.inf
    limits = [math.inf]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "cpu" if controllers else root
        group = top / path.lstrip("/")
        # A limit holds for all groups below. In a container the path may be one of the host's,
        # and then only the root can be read.
        limits += [
            quota(folder) for folder in (group, *group.parents) if folder.is_relative_to(top)
        ]
    return min(limits)


def quota(group: Path) -> float:
    """Cores that one control group grants: microseconds of processor time in each period."""
    try:
        if (group / "cpu.max").is_file():
            granted, period = (group / "cpu.max").read_text("utf-8").split()
        else:
            granted = (group / "cpu.cfs_quota_us").read_text("utf-8")
            period = (group / "cpu.cfs_period_us").read_text("utf-8")
        return int(granted) / int(period) if int(granted) > 0 else math.inf
    except (OSError, ValueError):  # no such group, or "max"
        return math.inf


def count_workers(asked: int | None, device: torch.device) -> int:
    """How many workers there are: as many as asked for, else one for each core.

    A GPU needs no more than one, and neither does a process that trains together with others.
    """
    if device.type != "cpu" or int(os.environ.get("WORLD_SIZE", "1")) > 1:
        return 1
    return asked or available_cores()


@contextmanager
def workers(n: int) -> Iterator[ShareOut]:
    """Give a function like `map`: results in order, but n workers share the pieces.

    Whoever is free takes the next piece. A single worker is the thread of the caller. Leaving early
    gives up the pieces that nobody has taken.
    """
    if n == 1:
        yield map
        return
    with (
        operators_of_one_thread(),
        ThreadPoolExecutor(n, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        yield pool.map


@contextmanager
def operators_of_one_thread() -> Iterator[None]:
    """Inside, operators run in one thread each; afterwards in as many as before.

    torch has one number for the process, which threads take over as they start. Where several
    callers are inside at the same time, the number from before the first one comes back. A caller
    that is inside already stays so.
    """
    global _n_inside, _n_threads_before
    if getattr(_here, "is_inside", False):
        yield
        return
    _here.is_inside = True
    with _lock:
        if _n_inside == 0:
            _n_threads_before = torch.get_num_threads()
        _n_inside += 1
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(_n_threads_before)
        _here.is_inside = False
        with _lock:
            _n_inside -= 1
