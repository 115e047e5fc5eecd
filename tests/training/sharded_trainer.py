"""A few updates in every process that torchrun started: whole or in shares, the same numbers.

    torchrun … -m tests.training.sharded_trainer OUT [--plain]

Writes the losses, the gradients' norms and the largest weights to OUT, from process 0.
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from slm.model.transformer import Transformer
from slm.training import ranks, sharding
from slm.training.compiling import Choice, Loss
from slm.training.optimizer import Optimizers
from tests.training.small_runs import SHORT, SMALL_MODEL, chain

STEPS = 6
PLAIN = Choice("plain", False, "a test")


def main() -> None:
    torch.set_num_threads(1)
    in_shares = "--plain" not in sys.argv
    if in_shares:
        dist.init_process_group("gloo")
    torch.manual_seed(1)
    fresh = Transformer(SMALL_MODEL)
    weights = fresh.state_dict()
    cpu = torch.device("cpu")
    loss = Loss(fresh, "plain")
    if in_shares:
        loss = sharding.sharded_loss(SMALL_MODEL, cpu, torch.float32, PLAIN, weights.__getitem__)
    muon = {"muon": sharding.ShardedMuon} if in_shares else {}
    config = SHORT.replace(optimizer="muon", weight_decay=0.1)
    optimizers = Optimizers(loss.model, config, **muon)
    told: dict[str, list[float]] = {"nats": [], "norms": []}
    text = torch.from_numpy(chain(STEPS * 8 * 17, seed=2)).view(STEPS, 8, 17)
    for ids_BT in text:
        (rows,) = ranks.share_of_rows(8, 1)
        nats = loss(ids_BT[rows, :-1], ids_BT[rows, 1:])
        torch.autograd.backward(nats * (ranks.world_size() / (8 * 16)))
        norm = sharding.clip_gradients(loss.model.parameters(), 1.0)
        optimizers.step(1.0)
        told["nats"] += [total / (8 * 16) for total in ranks.total(nats.item())]
        told["norms"].append(norm.item())
    state = (
        (f"{name}/{what}", value)
        for part in optimizers._parts
        for name, parameter in loss.model.named_parameters()
        for what, value in part.state.get(parameter, {}).items()
    )
    wholes = dict(sharding.gathered([*loss.model.named_parameters(), *state]))
    if ranks.rank() == 0:
        sums = {name: float(whole.double().abs().sum()) for name, whole in wholes.items()}
        Path(sys.argv[1]).write_text(json.dumps({**told, "sums": sums}))
    if in_shares:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
