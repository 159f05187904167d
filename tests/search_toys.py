"""A search that takes no time to set up: windows for an echo after two steps."""

BASE = """\
model:
  core: {class_path: Elman, init_args: {hidden_size: 4}}
  bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}
data: {class_path: Echo, init_args: {lag: 2, steps: 12}}
trainer: {max_time_steps: 1000, val_every: 100}
"""
SEARCH = """\
# Which windows?
recipe: base.yaml
space:
  model.bptt.k1: {low: 2, high: 8, log: true}
  model.bptt.k2: {times: model.bptt.k1, low: 1, high: 3}
  model.core.layers: [1, 2]
objectives: {val/bits_per_step: minimize}
budget: {trials: 4}
"""
