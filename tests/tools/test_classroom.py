"""The rehearsal: what it finds missing it names, with a cure, and it asks for no network."""

import os
import shutil
import urllib.error
import urllib.request

import pytest

from tools import classroom, lecture, talk


@pytest.fixture(autouse=True)
def same_environment(monkeypatch):
    """What the rehearsal changes in the environment is undone, and nothing is fetched for a test."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(classroom, "scripts", lambda: None)


def test_it_says_what_is_ready_and_what_is_not(capsys):
    def missing():
        raise classroom.NotReady("run `make notebooks`")

    def gone():
        raise SystemExit("npm is needed once")

    assert classroom.main({"one": lambda: "fine"}) == 0
    assert capsys.readouterr().out == "ok    one: fine\nReady, without a network.\n"
    assert classroom.main({"one": lambda: "fine", "two": missing, "three": gone}) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == ["NOT   two: run `make notebooks`", "NOT   three: npm is needed once", "Not ready: 2 of 3."]


def test_what_asks_for_a_network_fails_in_it():
    asked = []

    def ask():
        proxies = {
            name.removesuffix("_proxy"): value for name, value in os.environ.items() if name in classroom.PROXIES
        }
        opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
        with pytest.raises(urllib.error.URLError):
            opener.open("http://example.org", timeout=30)
        asked.append(os.environ["HF_HUB_OFFLINE"])
        return "no network"

    assert classroom.main({"network": ask}) == 0
    assert asked == ["1"]


def test_what_comes_from_npm_is_fetched_before_the_network_is_shut_off(monkeypatch):
    order = []
    monkeypatch.setattr(classroom, "scripts", lambda: order.append(os.environ.get("HF_HUB_OFFLINE", "online")))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert classroom.main({"slides": lambda: order.append(os.environ["HF_HUB_OFFLINE"])}) == 0
    assert order == ["online", "1"]


def test_without_a_browser_or_rise_it_names_the_cure(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(classroom.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(classroom.NotReady, match="Chromium"):
        classroom.sheet_is_printed()
    with pytest.raises(classroom.NotReady, match="one package more"):
        classroom.jupyterlab_answers()


def test_old_outputs_are_found(monkeypatch):
    monkeypatch.setattr(classroom, "stale_line", lambda: "Outputs of older code until `make notebooks` has run: 04")
    with pytest.raises(classroom.NotReady, match="04"):
        classroom.outputs_are_stored()


def test_a_server_that_ends_is_not_waited_for():
    class Ended:
        def poll(self):
            return 1

    with pytest.raises(classroom.NotReady, match="does not answer"):
        classroom.wait_for("http://127.0.0.1:9", Ended())


def test_a_cell_that_fails_is_named(monkeypatch):
    notebook = talk.new_notebook(cells=[talk.new_code_cell("print(1)"), talk.new_code_cell("missing + 1")])
    monkeypatch.setattr(lecture, "whole_lecture", lambda plan, notebooks: notebook)
    with pytest.raises(classroom.NotReady, match="name 'missing' is not defined"):
        classroom.lecture_runs()


def test_cells_are_called_by_their_first_line():
    assert classroom.name_of("%%capture\nimport torch\n") == "prepares: import torch"
    assert classroom.name_of("model, _ = load()\nmore") == "model, _ = load()"
