"""The story of gradients in six chapters, told in the terminal and written into a folder."""

from pathlib import Path

from chainrule.demo.definition import definition
from chainrule.demo.folder import replacing
from chainrule.demo.graphs import chain, graph, weight
from chainrule.demo.matrix import matrix
from chainrule.demo.regression import regression
from chainrule.demo.report import Report
from chainrule.demo.texts import words_in

__all__ = ["demo"]


def demo(out: Path, lang: str = "en") -> int:
    """Run the six chapters, print the report and leave it in the folder ``out``, which is replaced whole.

    ``lang`` is "en" or "zh". Returns 0. Raises ChainruleError where ``out`` was not written by an earlier run, OSError
    where it cannot be written; then, as after Ctrl-C, what was there is still there.
    """
    with replacing(out) as folder:
        report = Report(words_in(lang))
        report.heading("title", level=1)
        report.say("intro")
        definition(report)
        matrix(report, lang)
        chain(report, folder, lang)
        graph(report, folder, lang)
        weight(report, folder, lang)
        regression(report, folder)
        (folder / "report.md").write_text(report.markdown, encoding="utf-8")
    report.say("The report and its pictures are in {folder}.", folder=out)
    return 0
