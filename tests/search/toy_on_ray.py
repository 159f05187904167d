"""A search on Ray with trials that learn nothing: python toy_on_ray.py GPUS SEARCH.yaml [--key=value ...]."""

import sys
from pathlib import Path

from elman.search.space.definition import read_search
from elman.search.workers.on_ray import search_on_ray

TOY = (sys.executable, str(Path(__file__).with_name("toy_trial.py")))
gpus, *words = sys.argv[1:]
raise SystemExit(search_on_ray(read_search(words), storage=None, workers=None, gpus=float(gpus), program=TOY))
