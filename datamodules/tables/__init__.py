"""Time series: columns, times, missing values, and what to compare a forecast with."""
