"""The stub of the package says what the package has."""

import ast

import chainrule
import stub


def test_the_stub_is_up_to_date():
    assert stub.STUB.read_text() == stub.text(), "run python tools/stub.py"


def test_every_name_of_the_stub_exists():
    for node in ast.parse(stub.text()).body:
        if isinstance(node, ast.FunctionDef):
            assert callable(getattr(chainrule, node.name))
        elif isinstance(node, ast.AnnAssign):
            assert hasattr(chainrule, node.target.id)


def test_in_place_words_come_from_the_records():
    x = chainrule.tensor([1.0, 4.0])
    assert x.sqrt_() is x
    assert x.tolist() == [1.0, 2.0]
    assert "sqrt" in chainrule.Tensor.sqrt_.__doc__
