"""A network that predicts the next symbol, writing a text of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from elman.tasks import SequenceTask


@torch.no_grad()
def sample_ids(task: SequenceTask, prompt: Tensor, *, count: int, temperature: float, seed: int) -> Tensor:
    """`count` ids that follow `prompt`, each drawn from what the network says after the one before.

    Args:
        task: predicts, at each step, the symbol of the next.
        prompt: (N,) ids, at least one.
        temperature: divides the logits; 0 takes the likeliest symbol.
        seed: of the draws; the process's own generators are left alone.

    Returns:
        (count,) ids; fewer if what the network says stops being finite.
    """
    was_training = task.training
    task.eval()
    generator = torch.Generator().manual_seed(seed)
    carry = task.core.initial_carry(1)
    x, drawn = prompt[None].to(task.device), []
    for _ in range(count):
        out, carry = task.predict(x, carry)
        logits = out[0, -1].double().cpu()
        if not bool(torch.isfinite(logits).all()):
            break
        if temperature == 0:
            following = logits.argmax()
        else:
            following = torch.multinomial(
                ((logits - logits.max()) / temperature).softmax(-1), 1, generator=generator
            )[0]
        drawn.append(following)
        x = following.reshape(1, 1).to(task.device)
    task.train(was_training)
    return torch.stack(drawn) if drawn else prompt[:0]


def sample_text(
    task: SequenceTask,
    alphabet: object,
    *,
    prompt: str = "\n",
    count: int = 300,
    temperature: float = 0.8,
    seed: int = 1,
) -> str:
    """`prompt` and `count` symbols that follow it.

    Args:
        alphabet: has `encode(str) -> ids` and `decode(ids) -> str`; where symbols are words, `separator` too.
    """
    ids = torch.as_tensor(alphabet.encode(prompt))  # type: ignore[attr-defined]
    if not len(ids):
        ids = torch.as_tensor(alphabet.encode("\n"))  # type: ignore[attr-defined]
    text = alphabet.decode(sample_ids(task, ids, count=count, temperature=temperature, seed=seed))  # type: ignore[attr-defined]
    apart = not prompt.strip() or prompt[-1].isspace() or text[:1].isspace()
    return prompt + ("" if apart else getattr(alphabet, "separator", "")) + text
