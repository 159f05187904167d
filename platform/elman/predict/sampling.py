"""A network that predicts the next token, writing a text of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from elman.tasks.network import Network


@torch.no_grad()
def sample_ids(
    network: Network,
    prompt: Tensor,
    *,
    count: int,
    temperature: float,
    seed: int,
    never: Sequence[int] = (),
) -> Tensor:
    """`count` ids that follow `prompt`, each drawn from the distribution predicted at the one before.

    Args:
        network: predicts, at each step, the token of the next.
        prompt: (N,) ids, at least one.
        temperature: divides the logits; 0 takes the likeliest token.
        seed: of the draws; the process's own generators are left alone.
        never: ids that are not drawn.

    Returns:
        (count,) ids; fewer if the logits stop being finite.
    """
    was_training, device = network.training, network.readout.weight.device
    network.eval()
    generator = torch.Generator().manual_seed(seed)
    carry = network.first_carry(1)
    x, drawn = prompt[None].to(device), []
    for _ in range(count):
        out, carry = network.predict(x, carry)
        logits = out[0, -1].double().cpu()
        if not bool(torch.isfinite(logits).all()):
            break
        logits[list(never)] = -torch.inf
        if temperature == 0:
            following = logits.argmax()
        else:
            chances = ((logits - logits.max()) / temperature).softmax(-1)
            following = torch.multinomial(chances, 1, generator=generator)[0]
        drawn.append(following)
        x = following.reshape(1, 1).to(device)
    network.train(was_training)
    return torch.stack(drawn) if drawn else prompt[:0]


def sample_text(
    network: Network,
    alphabet: Any,
    *,
    prompt: str = "\n",
    count: int = 300,
    temperature: float = 0.8,
    seed: int = 1,
) -> str:
    """`prompt` and `count` tokens that follow it.

    Args:
        alphabet: has `encode(str) -> ids` and `decode(ids) -> str`; where tokens are words, `separator` too;
            without `has_unknown`, id 0 is not written.
    """
    ids = torch.as_tensor(alphabet.encode(prompt))
    if not len(ids):
        ids = torch.as_tensor(alphabet.encode("\n"))
    never = [] if getattr(alphabet, "has_unknown", True) else [0]
    drawn = sample_ids(network, ids, count=count, temperature=temperature, seed=seed, never=never)
    text = alphabet.decode(drawn)
    apart = not prompt.strip() or prompt[-1].isspace() or text[:1].isspace()
    return prompt + ("" if apart else getattr(alphabet, "separator", "")) + text
