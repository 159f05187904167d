"""A search with trials that learn nothing, as on a machine of another name, where silence is soon death.

python toy_search.py MACHINE STORAGE SEARCH.yaml [--key=value ...]
"""

import sys
from pathlib import Path

from elman.search.space.definition import read_search
from elman.search.study import ownership
from elman.search.workers.driver import Driver
from elman.search.workers.places import places
from elman.search.workers.session import open_session
from elman.search.workers.work import work
from elman.tracking import process

TOY = (sys.executable, str(Path(__file__).with_name("toy_trial.py")))
machine, storage, *words = sys.argv[1:]
process.host = lambda: machine
ownership.BEAT_SECONDS, ownership.SILENCE_SECONDS = 0.3, 3.0
session = open_session(read_search(words), storage)
here = places(workers=2, gpus_per_trial=0, gpus=[], cores=2)
raise SystemExit(work(Driver(session, here, program=TOY)))
