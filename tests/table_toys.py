"""A table with the columns that the forecasting recipes name."""

import numpy as np


def forecast_table(path, rows=300):
    draw = np.random.default_rng(0)
    lines = ["Month,Sunspots,No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir"]
    for row in range(rows):
        month = f"{1749 + row // 12}-{1 + row % 12:02}"
        when = f"2010,1,{1 + row // 24},{row % 24}"
        dust = "NA" if row < 2 or row % 50 == 7 else draw.integers(200)
        weather = ",".join(str(value) for value in draw.integers(-20, 20, 3))
        wind = ("NW", "SE", "cv")[draw.integers(3)]
        lines.append(
            f"{month},{draw.integers(100)},{row},{when},{dust},{weather},{wind},1.5,{row % 3},{row % 5}"
        )
    path.write_text("\n".join(lines), encoding="utf-8")
