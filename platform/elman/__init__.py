"""elman: recurrent networks and back-propagation through time, tracked."""

__version__ = "0.1.0"
