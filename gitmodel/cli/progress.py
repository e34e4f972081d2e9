"""Progress bars with rates on stderr, for steps that take longer than a second.

Workflows report from several threads at once; one lock orders them. tqdm is imported when the first
bar is drawn, so that quick commands never pay for it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from gitmodel.domain.text.escape import escaped

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_PATIENCE_SECONDS = 1.0
_WITH_TOTAL = "{desc} {percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt}, {rate_fmt}, {remaining} left"
_WITHOUT_TOTAL = "{desc} {n_fmt}, {rate_fmt}"


class TerminalProgress:
    """Draws a bar for the step under way (`gitmodel.domain.progress.Progress`) if it takes long enough.

    `clock` gives seconds that only rise; a step gets a bar after `patience_seconds`.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._lock = threading.RLock()
        self._label: str | None = None
        self._total_bytes = 0
        self._done_bytes = 0
        self._started = 0.0
        self._bar: Any = None

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a step; one that is still under way ends."""
        with self._lock:
            self.finish()
            self._label = label
            self._total_bytes = total_bytes
            self._done_bytes = 0
            self._started = self._clock()

    def advance(self, done_bytes: int) -> None:
        """Count, and draw once the step has taken long enough."""
        with self._lock:
            if self._label is None:
                return  # a thread that ends after its step
            self._done_bytes += done_bytes
            if self._bar is not None:
                self._bar.update(done_bytes)
            elif self._clock() - self._started >= self._patience_seconds:
                self._bar = self._draw()

    def finish(self) -> None:
        """End the step and take its bar away; safe to call twice."""
        with self._lock:
            if self._bar is not None:
                self._bar.close()
            self._bar = None
            self._label = None

    def clear(self) -> None:
        """Take the bar off the screen, so that a line can be printed; the next advance draws it."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()

    def _draw(self) -> Any:
        from tqdm.std import tqdm

        # tqdm's default lock is one between processes, which imports multiprocessing and leaves a
        # semaphore behind; its monitor is a thread that we do not need.
        tqdm.set_lock(threading.RLock())
        tqdm.monitor_interval = 0
        bar = tqdm(
            desc=escaped(self._label or ""),
            total=self._total_bytes or None,
            bar_format=_WITH_TOTAL if self._total_bytes else _WITHOUT_TOTAL,
            unit="B",
            unit_scale=True,
            file=self._stream,
            leave=False,
            dynamic_ncols=True,
        )
        # The rate counts from the start of the step. `update` would take what was done so far for
        # the work of this very moment.
        bar.start_t -= self._clock() - self._started
        bar.n = bar.last_print_n = self._done_bytes
        bar.refresh()
        return bar
