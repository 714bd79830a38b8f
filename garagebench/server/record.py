"""`--record`: the requests as a trace that `run --workload` replays."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from garagebench.core.workload import TRACE_REQUESTS, encode_body
from garagebench.errors import WorkloadError


class Recorder:
    """Writes JSON lines `{"operation":"park","body":{...}}`, in the order of their effect.

    What is no JSON cannot stand in a trace: such requests are counted in `skipped`, and so are those beyond the
    largest trace that is measured. WorkloadError where the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            # One line, one write: a server that is killed leaves whole lines.
            self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as error:
            raise WorkloadError(f"{path}: cannot be written: {error.strerror}") from None
        self.written = self.skipped = 0

    def __call__(self, operation: str, body: bytes) -> None:
        try:
            text = encode_body(json.loads(body.decode())).decode()
        except (ValueError, RecursionError):
            self.skipped += 1
            return
        if self.written == TRACE_REQUESTS:
            self.skipped += 1
            return
        self._file.write(f'{{"operation":"{operation}","body":{text}}}\n')
        self.written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
