"""What the kernel's files say about memory and energy, on made-up trees of them."""

from pathlib import Path

import psutil
import pytest

from slm.machine import CpuEnergy, available_memory


def zone(caps: Path, index: int, name: str, microjoules: int) -> Path:
    folder = caps / f"intel-rapl:{index}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text("1000000\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder / "energy_uj"


def test_energy_adds_packages_and_survives_a_counter_that_wraps(tmp_path: Path):
    """Package 0 goes 900,000 → 100,000 past 1,000,000: 200,000 µJ; package 1 takes 300,000 µJ."""
    first, second = zone(tmp_path, 0, "package-0", 900_000), zone(tmp_path, 1, "package-1", 0)
    whole = zone(tmp_path, 2, "psys", 0)  # counts the packages once more
    meter = CpuEnergy(tmp_path)
    assert meter.joules() == 0
    first.write_text("100000\n"), second.write_text("300000\n"), whole.write_text("900000\n")
    assert meter.joules() == pytest.approx(0.5)
    first.write_text("100001\n")
    assert meter.joules() == pytest.approx(0.500001)


def test_without_counters_there_is_no_energy(tmp_path: Path):
    assert CpuEnergy(tmp_path / "none").joules() is None
    zone(tmp_path, 0, "package-0", 1).unlink()  # as one that only root may read
    assert CpuEnergy(tmp_path).joules() is None


def test_a_container_has_the_memory_that_its_limit_leaves(tmp_path: Path):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("900000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 300000\n")
    assert available_memory(tmp_path) == 400_000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) == pytest.approx(psutil.virtual_memory().available, rel=0.5)
