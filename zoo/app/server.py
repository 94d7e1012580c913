"""The server of the page: for this machine alone unless asked, offline, with limits, until Ctrl-C."""

import errno
import importlib
import os
import signal
import socket
import tempfile
import threading
from functools import partial
from typing import Final

from zoo.app.models import Models
from zoo.app.uploads import MEGABYTE, MEGABYTES, Door

TABS: Final = {
    "Translate": "translate",
    "Recognise": "recognise",
    "Letters": "letters",
    "Zoo": "zoo_tab",
}
"""By their titles, the modules of `zoo.app` whose `tab(models)` fills them."""

HOST: Final = "127.0.0.1"
PORTS: Final = range(7860, 7960)
"""Tried one after another where none is asked for."""
OFFLINE: Final = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
"""So that neither page nor server asks anybody else."""


def serve(host: str = HOST, port: int | None = None) -> None:
    """Serve the page until Ctrl-C, and print its address.

    port: None for the first of PORTS that is free.

    Raises ValueError where gradio is missing, and for an address that cannot be had.
    """
    os.environ.update(OFFLINE)
    try:
        from starlette.middleware import Middleware

        from zoo.app.page import CSS, build, theme
    except ModuleNotFoundError as error:
        raise ValueError(f"the app needs {error.name}, which is not installed: pip install 'sign-zoo[app]'") from error

    port = _free(host, port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="zoo-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        models = Models()
        page = build(
            {title: partial(importlib.import_module(f"zoo.app.{name}").tab, models) for title, name in TABS.items()}
        )
        page.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            theme=theme(),
            css_paths=[CSS],
            footer_links=[],
            max_file_size=MEGABYTE * MEGABYTES,
            allowed_paths=[],
            app_kwargs={"middleware": [Middleware(Door)]},
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            run_history=False,
            enable_monitoring=False,
        )
        print(f"zoo: the app is at http://{host}:{port}; Ctrl-C ends it", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("zoo: the app has ended", flush=True)
        finally:
            page.close(verbose=False)


def _free(host: str, port: int | None) -> int:
    """The port to listen at. Raises ValueError for one that is taken, and for a host that is none of this machine."""
    for candidate in PORTS if port is None else [port]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except PermissionError:
                raise ValueError(f"--port {port}: this needs an administrator; choose one from 1024 on") from None
            except OverflowError:
                raise ValueError(f"--port {port}: expected a number from 1024 to 65535") from None
            except socket.gaierror:
                raise ValueError(f"--host {host}: found no such address; 127.0.0.1 is this machine's own") from None
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    raise ValueError(
                        f"--host {host}: no address of this machine; 127.0.0.1 is, and 0.0.0.0 means all of them"
                    ) from None
                continue
            return candidate
    if port is None:
        raise ValueError(f"ports {PORTS[0]} to {PORTS[-1]} are all in use; choose another with --port")
    raise ValueError(f"--port {port}: in use; choose another, or leave it out for the next free one")
