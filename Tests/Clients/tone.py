"""Sine tones: making them, and finding them in what was received. 48 kHz, floats within ±1."""

import numpy

from facts import NOTHING_DBFS

RATE = 48_000


class SineTone:
    """A sine without seams, however it is cut into frames."""

    def __init__(self, hz, level_dbfs):
        """`hz` None is silence; `level_dbfs` is the RMS."""
        self._step = 2 * numpy.pi * (hz or 0) / RATE
        self.amplitude = 0.0 if hz is None else 10 ** (level_dbfs / 20) * 2**0.5
        self._phase = 0.0
        self.is_muted = False

    def take(self, count):
        """The next `count` samples."""
        phases = self._phase + self._step * numpy.arange(count)
        self._phase = (self._phase + self._step * count) % (2 * numpy.pi)
        return numpy.sin(phases) * (0.0 if self.is_muted else self.amplitude)


class ToneMeter:
    """Cuts received audio into windows and measures each."""

    def __init__(self, window_ms, on_reading):
        """`on_reading(hz, dbfs)` is called once per window."""
        self._window = numpy.zeros(RATE * window_ms // 1000)
        self._filled = 0
        self._on_reading = on_reading

    def feed(self, samples):
        """Takes mono samples of any count."""
        while len(samples):
            taken = samples[: len(self._window) - self._filled]
            self._window[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            samples = samples[len(taken) :]
            if self._filled == len(self._window):
                self._filled = 0
                self._on_reading(*measure(self._window))


def measure(samples):
    """The dominant frequency in Hz (None in digital silence) and the RMS in dBFS."""
    rms = float(numpy.sqrt(numpy.mean(samples**2)))
    if rms < 10 ** (NOTHING_DBFS / 20):
        return None, NOTHING_DBFS
    spectrum = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples)))) + 1e-12
    peak = int(numpy.argmax(spectrum[1:-1])) + 1
    left, top, right = numpy.log(spectrum[peak - 1 : peak + 2])
    curve = left - 2 * top + right
    # The peak of the parabola through three bins lies between them.
    offset = 0.0 if curve == 0 else float((left - right) / (2 * curve))
    return (peak + offset) * RATE / len(samples), 20 * float(numpy.log10(rms))
