"""Notebooks and sessions with a real kernel, which may be killed."""
import contextlib
import os
import pathlib
import signal
import textwrap
import threading
import time

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

TIMEOUT = 120


def environment_for_kernels(**changes):
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith("RESUME_") and key != "JPY_SESSION_NAME"}
    return kept | {"PYTHONHASHSEED": "0"} | changes


@contextlib.contextmanager
def environment(**changes):
    """A kernel inherits the environment of the process that starts it."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment_for_kernels(**changes))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Notebook:
    """Cells that are run from the first to the last, each time in a new kernel."""

    def __init__(self, folder, *cells, **variables):
        self.folder = pathlib.Path(folder)
        self.cells = [textwrap.dedent(cell).strip() for cell in cells]
        self.environment = variables
        self.seconds = None  # that the cells of the last run took

    def run(self, kill_after=None):
        """[text of stdout of each cell], "error: ..." and stderr among it; None: it was killed,
        `kill_after` seconds after the kernel was there."""
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one)
                                               for one in self.cells])
        client = NotebookClient(book, timeout=TIMEOUT, kernel_name="python3",
                                resources={"metadata": {"path": str(self.folder)}})
        with environment(**self.environment):
            try:
                with client.setup_kernel():
                    timer = None
                    if kill_after is not None:
                        timer = threading.Timer(kill_after, os.kill,
                                                (client.km.provisioner.pid, signal.SIGKILL))
                        timer.start()
                    started = time.monotonic()
                    try:
                        for index, cell in enumerate(book.cells):
                            client.execute_cell(cell, index)
                    finally:
                        self.seconds = time.monotonic() - started
                        if timer:
                            timer.cancel()
                            timer.join()
            except DeadKernelError:
                return None
            except CellExecutionError:
                pass
        return [text_of(cell.outputs) for cell in book.cells]


def text_of(outputs):
    parts = []
    for one in outputs:
        if one.output_type == "stream":
            parts.append(one.text)
        elif one.output_type == "error":
            parts.append(f"error: {one.ename}: {one.evalue}\n")
        else:
            parts.append(one.data["text/plain"] + "\n")
    return "".join(parts)


class Answer:
    """What one run of a cell gave."""

    def __init__(self):
        self.status, self.out, self.err, self.data = None, "", "", {}

    def take(self, message):
        content = message["content"]
        if message["msg_type"] == "stream":
            if content["name"] == "stdout":
                self.out += content["text"]
            else:
                self.err += content["text"]
        elif message["msg_type"] in ("execute_result", "display_data"):
            self.data = content["data"]
        elif message["msg_type"] == "error":
            self.err += f"error: {content['ename']}: {content['evalue']}\n"


class Session:
    """A kernel and someone who runs cells in it, in any order."""

    def __init__(self, folder, **variables):
        self.manager = KernelManager(kernel_name="python3")
        with environment(**variables):
            self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT)

    def run(self, source, cell_id=None, interrupt_at=None):
        """Runs a cell; `cell_id` as JupyterLab sends it. `interrupt_at`: SIGINT as soon as the
        output has this text."""
        answer = Answer()

        def take(message):
            answer.take(message)
            if interrupt_at and interrupt_at in answer.out and not answer.status:
                answer.status = "interrupted"
                self.manager.interrupt_kernel()

        self.client.session.metadata = {"cellId": cell_id} if cell_id else {}
        reply = self.client.execute_interactive(textwrap.dedent(source).strip(), timeout=TIMEOUT,
                                                output_hook=take)
        answer.status = reply["content"]["status"]
        return answer

    def kill(self):
        self.close(now=True)

    def close(self, now=False):
        """As a front end shuts a kernel down; with `now`, SIGKILL."""
        if self.client.channels_running:
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=now)
