"""The sigmoid layer, for which there is no fused kernel."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence


def sigmoid_step(drive: Tensor, h: Tensor, weight_hh: Tensor) -> Tensor:
    """One step: h_t = sigmoid(drive_t + W h_{t-1}).

    Args:
        drive: U x_t + b, (B, H).
        h: (B, H).
        weight_hh: W, (H, H).

    Returns:
        (B, H).
    """
    return torch.sigmoid(drive + F.linear(h, weight_hh))


class SigmoidLayer(nn.Module):
    """One Elman layer with the logistic sigmoid; called as a single-layer `torch.nn.RNN` is.

    Parameters have the names, shapes and first values of those of `torch.nn.RNN`.

    Cost: one product for the inputs of all steps, then a small one per step.
    """

    def __init__(self, input_size: int, hidden_size: int, *, batch_first: bool) -> None:
        super().__init__()
        assert batch_first
        self.weight_ih_l0 = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(hidden_size))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(
        self, steps: Tensor | PackedSequence, carry: Tensor
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """Run every step.

        Args:
            steps: (B, T, F), or packed with the longest row first.
            carry: (1, B, H).

        Returns:
            h of every step, in the form of `steps`, and h of each row's last step, (1, B, H).
        """
        if isinstance(steps, PackedSequence):
            drives = self._drive(steps.data).split(steps.batch_sizes.tolist())  # (rows still running, H)
            outs, last = self._unroll(drives, carry[0])
            return PackedSequence(torch.cat(outs), steps.batch_sizes), last.unsqueeze(0)
        outs, last = self._unroll(self._drive(steps).unbind(1), carry[0])
        return torch.stack(outs, 1), last.unsqueeze(0)

    def _drive(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)

    def _unroll(self, drives: tuple[Tensor, ...], h: Tensor) -> tuple[list[Tensor], Tensor]:
        outs = []
        for drive in drives:  # the first len(drive) rows have this step
            outs.append(sigmoid_step(drive, h[: len(drive)], self.weight_hh_l0))
            h = outs[-1] if len(drive) == len(h) else torch.cat([outs[-1], h[len(drive) :]])
        return outs, h
