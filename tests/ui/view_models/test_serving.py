"""The lines that let other programs ask a model."""

import json
import shlex

from slm.serving.presence import Running
from ui.view_models import serving as words

HERE = Running(7, 1.0, "http://127.0.0.1:8001/v1", "run-1", "Mine", 1_200, asks_key=False)
THERE = Running(8, 2.0, "http://127.0.0.1:8002/v1", "run-2", "Other", 3, asks_key=True)


def test_the_command_says_only_what_is_not_usual():
    assert words.serve_argv("run-1", None, 8000, plain_chat=False) == ["serve", "--run=run-1"]
    argv = words.serve_argv("run-1", 40, 9000, plain_chat=True)
    assert argv == ["serve", "--run=run-1", "--step=40", "--port=9000", "--plain-chat=True"]


def test_the_command_survives_a_folder_with_a_blank():
    line = words.command(["serve", "--run=x"], "/home/me/my work")
    assert shlex.split(line)[-1] == "--workspace=/home/me/my work"


def test_servers_of_the_chosen_model_come_first():
    found = words.rows([HERE, THERE], "run-1")
    assert [(row.name, row.ours) for row in found] == [("Mine", True), ("Other", False)]
    assert found[0].facts == "step 1,200 · asks for no key"


def test_lines_lead_to_the_server_that_runs_and_else_to_the_one_to_come():
    assert words.address(words.rows([HERE, THERE], "run-1"), 9000) == HERE.url
    assert words.address(words.rows([THERE], "run-1"), 9000) == "http://127.0.0.1:9000/v1"


def test_the_line_for_curl_holds_a_body_that_is_json():
    parts = shlex.split(words.client_lines(HERE.url, "it's", chats=False).curl.replace("\\\n", ""))
    assert json.loads(parts[parts.index("-d") + 1])["model"] == "it's"


def test_the_lines_are_python_and_chat_is_told_only_where_it_is_answered():
    lines = words.client_lines(HERE.url, "run-1", chats=True)
    for code in (lines.python, lines.chat, words.code_lines("/w", "run-1", None)):
        compile(code, "lines", "exec")
    assert words.client_lines(HERE.url, "run-1", chats=False).chat is None
