"""``chainrule demo``: the report in both languages, and the folder that is replaced whole or not at all."""

import io
import os
import re
import string
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from chainrule import cli
from chainrule.demo.folder import MARKER, replacing
from chainrule.demo.report import Report, cells, wrapped
from chainrule.demo.texts import TEXTS, words_in
from chainrule.errors import ChainruleError

PICTURES = {"graph.svg", "paths.svg", "network.svg", "fit.png", "fit.svg", "loss.png", "loss.svg"}
PROGRAMS = {"chain_rule.py", "backpropagation.py", "one_weight.py"}


@pytest.fixture(scope="module", params=["en", "zh"])
def told(request, tmp_path_factory):
    """One whole run in each language: its folder and what it printed."""
    folder, printed = tmp_path_factory.mktemp("demo") / "report", io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", printed)
        assert cli.main(["demo", "--lang", request.param, "--out", str(folder)]) == 0
    return request.param, folder, printed.getvalue().replace(str(folder), "FOLDER")


def test_the_folder_holds_the_report_and_its_pictures(told):
    _, folder, _ = told
    assert {path.name for path in folder.iterdir()} == PICTURES | PROGRAMS | {"report.md", MARKER}
    shown = set(re.findall(r"\n!\[.*\]\((.+)\)\n", (folder / "report.md").read_text(encoding="utf-8")))
    assert shown == {"graph.svg", "paths.svg", "network.svg", "fit.png", "loss.png"}
    for picture in PICTURES:
        if picture.endswith(".svg"):
            assert ElementTree.parse(folder / picture).getroot().tag.endswith("svg")
        else:
            assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in folder.parent.iterdir()] == ["report"]


def test_six_chapters_in_the_language_asked_for(told):
    lang, folder, printed = told
    words = words_in(lang)
    for chapter in ("definition", "matrix", "chain", "graph", "weight", "regression"):
        assert words(chapter) in printed
        assert "## " + words(chapter) in (folder / "report.md").read_text(encoding="utf-8")
    assert bool(re.search("[一-鿿]", printed)) is (lang == "zh")
    if lang == "zh":
        sentences = re.findall(r"(?m)^(?!    ).*\b(?:the|and|of|is)\b.*$", printed)
        assert sentences == []


def test_the_numbers_of_the_chapters(told):
    *_, printed = told
    assert re.search(r"1\.0 +4\.00 +-4\.000000 +-4\.000000", printed)  # (w - 3)^2 at 1
    assert "(A + A.T) @ x" in printed
    assert re.search(r"3000 +0\.000118\d+ +2\.9614\d\d +0\.8186\d\d", printed)


def test_lines_fit_the_width(told):
    *_, printed = told
    assert max(map(cells, printed.splitlines())) <= 100


def test_no_control_characters_when_it_is_not_a_terminal(told):
    *_, printed = told
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", printed)


def test_both_languages_say_the_same_things():
    def places(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, (english, chinese) in TEXTS.items():
        assert places(english) == places(chinese), key


@pytest.mark.parametrize(("module", "extra"), [("matplotlib", "chainrule[plot]"), ("llvmlite", "chainrule[compile]")])
def test_it_goes_on_without_an_extra_and_says_which(tmp_path, module, extra):
    without = f"import sys; sys.modules[{module!r}] = None; from chainrule.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", without, "demo", "--out", tmp_path / "out"], capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"pip install '{extra}'" in " ".join(done.stdout.split())
    assert (tmp_path / "out" / "fit.png").exists() is (module != "matplotlib")
    assert "repeat(3000)" in done.stdout if module == "matplotlib" else "repeat(3000)" not in done.stdout


# -- the folder ------------------------------------------------------------------------------------------------------


def written(target, name, text="new"):
    with replacing(target) as folder:
        (folder / name).write_text(text)


def test_a_second_run_replaces_the_folder_whole(tmp_path):
    written(tmp_path / "out", "first")
    written(tmp_path / "out", "second")
    assert sorted(os.listdir(tmp_path / "out")) == [MARKER, "second"]
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_folder_may_be_taken(tmp_path):
    (tmp_path / "out").mkdir()
    written(tmp_path / "out", "first")
    assert (tmp_path / "out" / "first").exists()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_others_wrote_is_left_alone(tmp_path, capsys, kind):
    out = tmp_path / "out"
    if kind == "folder":
        out.mkdir()
        (out / "thesis.tex").write_text("years of work")
    else:
        out.write_text("years of work")
    assert cli.main(["demo", "--out", str(out)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (f"chainrule demo: {out} exists and was not written by 'chainrule demo', so it is left alone; "
                        "name another folder with --out DIR\n")
    assert (out / "thesis.tex" if kind == "folder" else out).read_text() == "years of work"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device"), ChainruleError("no")])
def test_a_run_that_ends_early_leaves_the_old_folder(tmp_path, error):
    written(tmp_path / "out", "first")

    def fails():
        with replacing(tmp_path / "out") as folder:
            (folder / "half").write_text("")
            raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        fails()
    assert sorted(os.listdir(tmp_path / "out")) == [MARKER, "first"]
    assert os.listdir(tmp_path) == ["out"]


def test_ctrl_c_in_the_middle_is_quiet(tmp_path, capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Report, "table", interrupted)
    assert cli.main(["demo", "--out", str(tmp_path / "out")]) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"  # below a file nobody can write, not even root
    assert cli.main(["demo", "--out", str(out)]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("chainrule demo: cannot write ")
    assert told.err.endswith(": Not a directory\n")
    assert told.out == ""


# -- the report ------------------------------------------------------------------------------------------------------


@pytest.fixture
def report():
    return Report(lambda key, **values: key.format(**values), io.StringIO())


def test_a_table_for_the_terminal_and_for_markdown(report):
    report.table(["名", "value"], [["a|b", "1.5"], ["梯度", "-10.25"]])
    assert report.stream.getvalue() == (
        "\n    名     value\n    ────  ──────\n    a|b      1.5\n    梯度  -10.25\n")
    assert report.markdown == "| 名 | value |\n| :--- | ---: |\n| a\\|b | 1.5 |\n| 梯度 | -10.25 |\n"


def test_a_sentence_is_wrapped_in_one_and_whole_in_the_other(report):
    report.width = 20
    report.say("all the words of `{name}` are here", name="this")
    assert report.stream.getvalue() == "\nall the words of\nthis are here\n"
    assert report.markdown == "all the words of `this` are here\n"


@pytest.mark.parametrize(("text", "lines"), [
    ("梯度是向量。梯度是向量。", ["梯度是向", "量。梯度", "是向量。"]),
    ("取 w = 1（真值）", ["取 w = 1", "（真值）"]),
    ("梯度是向（量）", ["梯度是向", "（量）"]),
])  # fmt: skip
def test_chinese_breaks_anywhere_but_before_punctuation(text, lines):
    assert list(wrapped(text, 8)) == lines


def test_progress_shows_on_a_terminal_only(report):
    assert list(report.progress(3, lambda: "loss")) == [0, 1, 2]
    assert report.stream.getvalue() == ""
    report.live = True
    assert list(report.progress(120, lambda: "loss 0.5")) == list(range(120))
    shown = report.stream.getvalue()
    assert "120/120  loss 0.5" in shown
    assert shown.endswith("\r\x1b[K")  # and leaves nothing behind
