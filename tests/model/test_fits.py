"""What fits on which machine."""

from slm.model.config import PRESETS, ModelConfig, memory_bytes
from slm.model.fits import MACHINES, Machine, fits, machines_here

TINY = ModelConfig(
    vocab_size=10, context_length=8, n_layers=1, n_heads=2, d_model=4, d_ff=6, qk_norm=False
)


def test_the_largest_batch_is_the_last_that_fits():
    """So many windows fit, and one more does not."""
    machine = Machine("small", 2_000_000_000, is_gpu=True)
    assert machine.usable == 1_000_000_000
    for config in (TINY, PRESETS["nano"], PRESETS["micro"]):
        (fit,) = fits(config, machines=[machine])
        for windows, holds in ((fit.training_windows, True), (fit.training_windows + 1, False)):
            if windows < 1_000_000:
                needed = sum(memory_bytes(config, windows, "train").values())
                assert (needed <= machine.usable) == holds


def test_logits_that_are_made_in_turn_leave_room_for_more_windows():
    """One window has 105 M logits, 1.3 GB at once: beyond the first no further ones count."""
    config = TINY.replace(vocab_size=100_000, context_length=1050)
    (fit,) = fits(config, machines=[Machine("small", 4_000_000_000, is_gpu=True)])
    needed = sum(memory_bytes(config, fit.training_windows, "train").values())
    assert fit.training_windows > 1_000 and needed <= fit.machine.usable


def test_a_model_too_large_for_the_machine_fits_not_even_one_window():
    fit = fits(PRESETS["phi-3-mini"], 1, MACHINES[:1])[0]
    assert fit.training_windows == fit.writing_texts == 0
    assert not fit.trains and fit.training_bytes > 60_000_000_000


def test_muon_leaves_room_for_more_windows_than_adamw():
    (adamw,) = fits(PRESETS["medium"], 1, MACHINES[3:4])
    (muon,) = fits(PRESETS["medium"], 1, MACHINES[3:4], "muon")
    assert muon.training_windows >= adamw.training_windows
    assert muon.training_bytes < adamw.training_bytes


def test_a_processor_keeps_memory_for_the_system_and_for_holes():
    """8 GiB, 35% of it below 3 GB for the system, half a GB for PyTorch, a fifth holes."""
    assert MACHINES[0].usable == round((8 * 2**30 - 3e9 - 5e8) / 1.25)


def test_this_machine_is_among_the_machines():
    assert machines_here()[0].memory > 0
