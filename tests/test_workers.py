"""How do the cores of one machine share the work?"""

import math
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from transformer_mt import workers as workers_module
from transformer_mt.workers import available_cores, cgroup_limit, count_workers, workers

CPU = torch.device("cpu")


# ------------------------------------------------------------------------------- how many there are


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
def test_cores_are_those_of_the_affinity_within_the_limit_of_the_cgroup(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 3, 5, 7, 9})
    for limit, expected in ((math.inf, 5), (8.0, 5), (2.0, 2), (1.5, 2), (0.5, 1), (0.001, 1)):
        monkeypatch.setattr(workers_module, "cgroup_limit", lambda *_, limit=limit: limit)
        assert available_cores() == expected


@pytest.mark.parametrize(
    "membership, files, expected",
    [
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/", {"cpu.max": "max 100000"}, math.inf),
        ("0::/", {}, math.inf),
        # Every group above limits, too.
        ("0::/a/b", {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}, 2.0),
        ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "50000 100000"}, 0.5),
        # A group of the host's, which a container does not see.
        ("0::/docker/1234", {"cpu.max": "400000 100000"}, 4.0),
        (
            "5:memory:/m\n2:cpu,cpuacct:/a\n0::/",
            {"cpu/a/cpu.cfs_quota_us": "300000", "cpu/a/cpu.cfs_period_us": "100000"},
            3.0,
        ),
        (
            "2:cpuacct,cpu:/a",
            {"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"},
            math.inf,
        ),
        ("2:cpuset:/a", {"cpu/a/cpu.cfs_quota_us": "1", "cpu/a/cpu.cfs_period_us": "1"}, math.inf),
    ],
)
def test_the_limit_of_control_groups(tmp_path, membership, files, expected):
    (tmp_path / "cgroup").write_text(membership + "\n")
    root = tmp_path / "fs"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert cgroup_limit(tmp_path / "cgroup", root) == expected


def test_a_system_without_control_groups_has_no_limit():
    assert cgroup_limit(Path("/no/such/file"), Path("/no/such/folder")) == math.inf


def test_there_is_one_worker_for_each_core_of_a_cpu_that_trains_alone(monkeypatch):
    monkeypatch.setattr(workers_module, "available_cores", lambda: 6)
    assert count_workers(None, CPU) == 6
    assert count_workers(2, CPU) == 2
    assert count_workers(None, torch.device("cuda")) == 1
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert count_workers(None, CPU) == 1


# -------------------------------------------------------------------------------- what they share


def test_results_are_in_order_and_every_worker_has_operators_of_one_thread():
    barrier = threading.Barrier(3)

    def work(i: int) -> tuple[int, int, int]:
        barrier.wait(30)  # the first three pieces are in three workers at the same time
        return i, threading.get_ident(), torch.get_num_threads()

    with workers(3) as share_out:
        numbers, threads, n_threads = zip(*share_out(work, range(6)), strict=True)
    assert numbers == tuple(range(6))
    assert len(set(threads)) == 3 and threading.get_ident() not in threads
    assert set(n_threads) == {1}


def test_a_single_worker_is_the_caller_with_its_threads():
    torch.set_num_threads(2)
    try:
        with workers(1) as share_out:
            (result,) = share_out(lambda _: (threading.get_ident(), torch.get_num_threads()), [0])
        assert result == (threading.get_ident(), 2)
    finally:
        torch.set_num_threads(1)


def test_the_number_of_threads_comes_back():
    """After an error, too, and after several callers that were inside at the same time."""
    inside = threading.Barrier(2)
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="of a worker"), workers(2) as share_out:
            assert torch.get_num_threads() == 1
            list(share_out(lambda _: (_ for _ in ()).throw(ValueError("of a worker")), range(3)))
        assert torch.get_num_threads() == 2

        def call(wait: float) -> int:
            with workers(2) as share_out:
                list(share_out(abs, range(3)))
                inside.wait(30)
                time.sleep(wait)
            return torch.get_num_threads()

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(call, (0.0, 0.1))) == [2, 2]
        assert torch.get_num_threads() == 2
        with ThreadPoolExecutor(1) as pool:  # a thread that starts later
            assert pool.submit(torch.get_num_threads).result() == 2
    finally:
        torch.set_num_threads(1)


def test_workers_inside_workers_leave_the_number_of_threads_alone():
    """As in a validation during training: what comes after it computes as what came before."""
    torch.set_num_threads(2)
    try:
        with workers(2):
            with workers(2) as share_out:
                assert list(share_out(lambda _: torch.get_num_threads(), range(2))) == [1, 1]
            assert torch.get_num_threads() == 1
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(torch.get_num_threads).result() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_whoever_stops_asking_gives_up_what_nobody_has_taken():
    done = []

    def work(i: int) -> int:
        time.sleep(0.01)
        done.append(i)
        return i

    def first() -> int:
        with workers(2) as share_out:
            for i in share_out(work, range(1000)):
                return i
        raise AssertionError

    assert first() == 0
    assert len(done) < 100
