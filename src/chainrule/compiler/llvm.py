"""A program as the text of an LLVM module with one entry point.

``void step(ptr table, i64 times)`` runs the program ``times`` times. The table holds the addresses of the inputs, of
the outputs, of the arena, and of BLAS's sgemm and dgemm; then for each input and output how many bytes further the next
run finds it; then the addresses of the loops over matrices that are called. Outputs in place of an input carry over
from run to run.
"""

from chainrule.compiler import calls
from chainrule.compiler.calls import Call
from chainrule.compiler.code import Code, kind, literal
from chainrule.compiler.index import Axis, variable
from chainrule.compiler.loops import Matrix, Nest, Product, Program, Sort, Step, Store, neutral
from chainrule.compiler.nestcode import NestCode, by_memory
from chainrule.compiler.nests import from_start
from chainrule.compiler.scalar import Buffer, Pool
from chainrule.compiler.sorting import sort

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112  # the numbers of CBLAS


def module(program: Program, register: int) -> str:
    """The module's text; ``register`` is the size of a vector register in bytes."""
    names: dict[str, str] = {}
    needs: dict[str, str] = {}
    main = Code()
    count = len(program.inputs) + len(program.outputs)
    pointers = [_entry(main, k, "ptr") for k in range(count + 3)]
    strides = [_entry(main, k, "i64") for k in range(count + 3, 2 * count + 3)]
    loops = {loop: _entry(main, 2 * count + 3 + k, "ptr") for k, loop in enumerate(calls.loops(program.steps))}
    main.do("%some = icmp sgt i64 %times, 0")
    main.branch("%some", "run", "end")
    main.begin("run")
    main.do("%t = phi i64 [ 0, %entry ], [ %next, %run ]")
    places = _places(program, main, pointers, strides)
    for step in (part for whole in program.steps for part in (*_fills(whole), whole)):
        text, buffers = _part(step, register, needs)
        name = names.setdefault(text, f"part{len(names)}")
        given = [_from(main, places[b], start * b.dtype.itemsize) for b, start in buffers.items()]
        if isinstance(step, Product):
            given.append(pointers[-1] if step.out.buffer.dtype.itemsize == 8 else pointers[-2])
        elif isinstance(step, Call):
            given.append(loops[step.name, step.dtype])
        main.do(f"call void @{name}({', '.join(f'ptr {p}' for p in given)})")
    main.do("%next = add i64 %t, 1")
    main.branch(main.let("icmp slt i64 %next, %times"), "run", "end")
    parts = [text.replace("@NAME", f"@{name}") for text, name in names.items()]
    entry = ["define void @step(ptr %table, i64 %times) #0 {", "entry:", *main.lines, "end:", "  ret void", "}"]
    attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{8 * register}" }}\n'
    return "\n".join([*needs.values(), *parts, *entry, attributes])


def _from(main: Code, place: str, behind: int) -> str:
    """So many bytes behind a place."""
    return main.let(f"getelementptr i8, ptr {place}, i64 {behind}") if behind else place


def _entry(main: Code, k: int, kind: str) -> str:
    """Entry k of the table."""
    return main.let(f"load {kind}, ptr {main.let(f'getelementptr i64, ptr %table, i64 {k}')}")


def _places(program: Program, main: Code, pointers: list[str], strides: list[str]) -> dict[Buffer, str]:
    """Where each buffer lies in this run."""
    places: dict[Buffer, str] = {}
    for buffer, pointer, stride in zip((*program.inputs, *program.outputs), pointers, strides):
        if buffer in program.inputs and buffer in program.outputs:
            places[buffer] = pointers[program.inputs.index(buffer)]
        else:
            behind = main.let(f"mul i64 %t, {stride}")
            places[buffer] = main.let(f"getelementptr i8, ptr {pointer}, i64 {behind}")
    arena = pointers[len(program.inputs) + len(program.outputs)]
    for buffer, at in program.arena.items():
        places[buffer] = _from(main, arena, at)
    return places


def _fills(step: Step) -> list[Nest]:
    """Nests that set the targets of folds in memory to the neutral element."""
    found: list[Nest] = []
    if not isinstance(step, Nest):
        return found
    for store in step.stores:
        if by_memory(step, store):
            axis, buffer = Axis(0, store.buffer.size), store.buffer
            value = Pool().const(neutral(store.fold, buffer.dtype), buffer.dtype)
            found.append(Nest((axis,), (Store(buffer, variable(axis), value),), axis))
    return found


def _part(step: Step, register: int, needs: dict[str, str]) -> tuple[str, dict[Buffer, int]]:
    """A function for one step, and the buffers that it takes, each from the place from which it counts elements."""
    if isinstance(step, Product):
        return _product(step)
    if isinstance(step, Sort):
        return sort(step, needs)
    if isinstance(step, Call):
        return calls.code(step)
    nest, starts = from_start(Pool(), step)
    code = NestCode(nest, register)
    text, needed = code.function()
    needs.update(needed)
    return text, {buffer: starts[buffer] for buffer in code.buffers}


def _product(step: Product) -> tuple[str, dict[Buffer, int]]:
    """Calls of CBLAS's gemm, in loops over the batch."""
    code = Code()
    buffers: dict[Buffer, str] = {}
    starts: dict[Buffer, int] = {}
    for matrix in (step.out, step.left, step.right):
        buffers.setdefault(matrix.buffer, f"%p{len(buffers)}")
        starts[matrix.buffer] = min(matrix.offset.const, starts.get(matrix.buffer, matrix.offset.const))
    t = kind(step.out.buffer.dtype)
    loops: list[tuple[str, str, str, int]] = []
    names: dict[object, str] = {}
    for axis in step.axes:
        loop, i, following = code.name("loop"), f"%{code.name('i')}", f"%{code.name('n')}"
        before = code.block
        code.jump(loop)
        code.begin(loop)
        code.do(f"{i} = phi i64 [ 0, %{before} ], [ {following}, %{loop}.end ]")
        names[axis] = i
        loops.append((loop, i, following, axis.size))

    def operand(matrix: Matrix) -> tuple[str, int, int]:
        """Address, whether transposed, and the distance between its rows, as CBLAS takes them."""
        at = str(matrix.offset.const - starts[matrix.buffer])
        for axis, c in matrix.offset.terms:
            at = code.plus(at, code.times(names[axis], c))
        place = code.let(f"getelementptr {t}, ptr {buffers[matrix.buffer]}, i64 {at}")
        return (place, PLAIN, matrix.row) if matrix.column == 1 else (place, TRANSPOSED, matrix.column)

    (left, how_left, left_row), (right, how_right, right_row) = operand(step.left), operand(step.right)
    out, _, out_row = operand(step.out)
    dtype = step.out.buffer.dtype
    one, zero = literal(1.0, dtype), literal(0.0, dtype)
    code.do(
        f"call void %gemm(i32 {ROW_MAJOR}, i32 {how_left}, i32 {how_right}, i64 {step.m}, i64 {step.n}, i64 {step.k}, "
        f"{t} {one}, ptr {left}, i64 {left_row}, ptr {right}, i64 {right_row}, {t} {zero}, ptr {out}, i64 {out_row})"
    )
    for loop, i, following, size in reversed(loops):
        code.jump(f"{loop}.end")
        code.begin(f"{loop}.end")
        code.do(f"{following} = add i64 {i}, 1")
        code.branch(code.let(f"icmp ult i64 {following}, {size}"), loop, f"{loop}.exit")
        code.begin(f"{loop}.exit")
    parameters = ", ".join(f"ptr noalias {p}" for p in (*buffers.values(), "%gemm"))
    lines = [f"define internal void @NAME({parameters}) #0 {{", "entry:", *code.lines, "  ret void", "}"]
    return "\n".join(lines), starts
