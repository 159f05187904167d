"""The file of trials: every trial, all digits, nothing where there is nothing."""

import csv
import io

from study_toys import CORE, K1, LOSS, RATIO, realistic, review, row

from elman.search.results.columns import trials_csv


def test_by_hand():
    study = review(
        row(
            0,
            1.25,
            values={"core": 'a,"b"', "k1": 20, "k2/k1": 3, "k2": 60},
            time_steps=1000,
            seconds=2.5,
            run_id="r0",
        ),
        row(1, None, "failed", values={"core": "LSTM"}, why="no\nroom"),
        dimensions=(CORE, K1, RATIO),
    )
    assert trials_csv(study) == (
        "trial,state,k1,k2,k2/k1,core,val/bits_per_step,time steps,seconds,run,why\n"
        '0,complete,20,60,3,"a,""b""",1.25,1000,2.5,r0,\n'
        '1,failed,,,,LSTM,,0,,,"no\nroom"\n'
    )


def test_numbers_keep_their_digits_and_limits_have_a_column():
    study = realistic()
    rows = list(csv.DictReader(io.StringIO(trials_csv(study))))
    assert [int(each["trial"]) for each in rows] == list(range(30))
    assert [float(each[LOSS]) for each in rows] == [trial.objectives[LOSS] for trial in study.trials]
    assert [each["within limits"] for each in rows] == [
        str(trial.state != "complete" or study.keeps_limits(trial)) for trial in study.trials
    ]
