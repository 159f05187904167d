"""The smallest module that `elman.predict.logged_model` can log, and a function that it must not call."""

import os

from torch import nn


class Core(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.cell = nn.LSTM(features, 5, batch_first=True)

    def initial_carry(self, row_count):
        blank = self.cell.weight_hh_l0.new_zeros(row_count, 5)
        return (blank, blank)


class Module(nn.Module):
    def __init__(self, features, values):
        super().__init__()
        self.core = Core(features)
        self.head = nn.Linear(5, values)

    def predict(self, x, carry):
        out, carry = self.core.cell(x, tuple(part[None] for part in carry))
        return self.head(out), tuple(part[0] for part in carry)


def build(description):
    return Module(**description)


build.builds_streaming_model = True


class Beginning(Module):
    """Its sequences begin from the first of what the context holds."""

    def __init__(self, features, values):
        super().__init__(features, values)
        self.first = nn.Linear(5, 5)

    def begins(self, context):
        first = self.first(context if not isinstance(context, tuple) else context[0])
        return (first, first + 1)


def build_beginning(description):
    return Beginning(**description)


build_beginning.builds_streaming_model = True


def stranger(description):
    os._exit(3)
