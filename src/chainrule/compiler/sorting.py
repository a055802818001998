"""Sorting in LLVM IR: each key becomes a whole number with its place in the low bits, and these are merged.

Such numbers are all different and in the order of the keys, equal keys in that of their places; so merging needs one
comparison and no branch. Runs are merged in pairs, twice as long each time.

Source: D. E. Knuth, "The Art of Computer Programming", vol. 3 (1973), 5.2.4.
"""

from chainrule.compiler.code import DType, kind, literal, memory_kind
from chainrule.compiler.loops import Sort
from chainrule.compiler.scalar import Buffer

ROWS = """define internal void @NAME(ptr noalias %out, ptr noalias %keys, ptr noalias %spare) #0 {{
entry:
  br label %row
row:
  %k = phi i64 [ 0, %entry ], [ %following, %row ]
  %at = mul i64 %k, {size}
  %places = getelementptr i64, ptr %out, i64 %at
  %given = getelementptr {key}, ptr %keys, i64 %at
  call void @{function}(ptr %places, ptr %given, ptr %spare, i64 {size})
  %following = add i64 %k, 1
  %more = icmp ult i64 %following, {rows}
  br i1 %more, label %row, label %end
end:
  ret void
}}"""
SORT = """define internal void @{function}(ptr noalias %out, ptr noalias %keys, ptr noalias %spare, i64 %n) noinline {{
entry:
  %room = add i64 %n, 1
  %other = getelementptr {pair}, ptr %spare, i64 %room
  br label %pack
pack:
  %i = phi i64 [ 0, %entry ], [ %i.next, %pack ]
  %i.key = getelementptr {key}, ptr %keys, i64 %i
  %x = load {key}, ptr %i.key
{rank}
  %wide = zext {whole} %rank to {pair}
  %high = shl {pair} %wide, {half}
{low}
  %packed = or {pair} %high, %low
  %i.at = getelementptr {pair}, ptr %spare, i64 %i
  store {pair} %packed, ptr %i.at
  %i.next = add i64 %i, 1
  %i.more = icmp ult i64 %i.next, %n
  br i1 %i.more, label %pack, label %level
level:
  %width = phi i64 [ 1, %pack ], [ %twice, %level.end ]
  %from = phi ptr [ %spare, %pack ], [ %to, %level.end ]
  %to = phi ptr [ %other, %pack ], [ %from, %level.end ]
  %unmerged = icmp ult i64 %width, %n
  br i1 %unmerged, label %two, label %unpack
two:
  %start = phi i64 [ 0, %level ], [ %stop, %two.end ]
  %start.w = add i64 %start, %width
  %middle = call i64 @llvm.umin.i64(i64 %start.w, i64 %n)
  %middle.w = add i64 %middle, %width
  %stop = call i64 @llvm.umin.i64(i64 %middle.w, i64 %n)
  br label %merge
merge:
  %t = phi i64 [ %start, %two ], [ %t.next, %merge ]
  %l = phi i64 [ %start, %two ], [ %l.next, %merge ]
  %r = phi i64 [ %middle, %two ], [ %r.next, %merge ]
  %l.at = getelementptr {pair}, ptr %from, i64 %l
  %r.at = getelementptr {pair}, ptr %from, i64 %r
  %a = load {pair}, ptr %l.at
  %b = load {pair}, ptr %r.at
  %less = icmp ult {pair} %a, %b
  %r.gone = icmp eq i64 %r, %stop
  %l.there = icmp ult i64 %l, %middle
  %wanted = or i1 %less, %r.gone
  %left = and i1 %wanted, %l.there
  %taken = select i1 %left, {pair} %a, {pair} %b
  %t.at = getelementptr {pair}, ptr %to, i64 %t
  store {pair} %taken, ptr %t.at
  %is.left = zext i1 %left to i64
  %is.right = sub i64 1, %is.left
  %l.next = add i64 %l, %is.left
  %r.next = add i64 %r, %is.right
  %t.next = add i64 %t, 1
  %t.more = icmp ult i64 %t.next, %stop
  br i1 %t.more, label %merge, label %two.end
two.end:
  %unpaired = icmp ult i64 %stop, %n
  br i1 %unpaired, label %two, label %level.end
level.end:
  %twice = shl i64 %width, 1
  br label %level
unpack:
  %u = phi i64 [ 0, %level ], [ %u.next, %unpack ]
  %u.from = getelementptr {pair}, ptr %from, i64 %u
  %sorted = load {pair}, ptr %u.from
{place}
  %u.to = getelementptr i64, ptr %out, i64 %u
  store i64 %u.place, ptr %u.to
  %u.next = add i64 %u, 1
  %u.more = icmp ult i64 %u.next, %n
  br i1 %u.more, label %unpack, label %end
end:
  ret void
}}"""


def sort(step: Sort, needs: dict[str, str]) -> tuple[str, dict[Buffer, int]]:
    """A function that sorts row after row, and its buffers."""
    dtype = step.keys.dtype
    function = f"sort.{'down' if step.descending else 'up'}.{dtype}"
    words = {"function": function, "key": memory_kind(dtype), "whole": f"i{8 * dtype.itemsize}"}
    if dtype.itemsize == 8:
        words |= {"pair": "i128", "half": "64", "low": "  %low = zext i64 %i to i128",
                  "place": "  %u.place = trunc i128 %sorted to i64"}  # fmt: skip
    else:
        words |= {"pair": "i64", "half": "32", "low": "  %low = or i64 %i, 0",
                  "place": f"  %u.place = and i64 %sorted, {2**32 - 1}"}  # fmt: skip
    needs["llvm.umin.i64"] = "declare i64 @llvm.umin.i64(i64, i64)"
    needs[function] = SORT.format(**words, rank=_rank(dtype, step.descending))
    buffers = dict.fromkeys((step.out, step.keys, step.spare), 0)
    return ROWS.format(**words, size=step.size, rows=step.rows), buffers


def _rank(dtype: DType, descending: bool) -> str:
    """The key %x as an unsigned number in the wanted order. −0 counts as 0 and NaN as the largest."""
    t, bits = kind(dtype), 8 * dtype.itemsize
    whole, least, flipped = f"i{bits}", -(2 ** (bits - 1)), -1 if descending else 0
    if dtype.kind != "f":
        lines = [f"%up = xor {whole} %x, {least if dtype.kind == 'i' else 0}"]
    else:
        lines = [f"%plus = fadd {t} %x, {literal(0.0, dtype)}", f"%bits = bitcast {t} %plus to {whole}",
                 f"%sign = ashr {whole} %bits, {bits - 1}", f"%turn = or {whole} %sign, {least}",
                 f"%order = xor {whole} %bits, %turn", f"%strange = fcmp uno {t} %x, %x",
                 f"%up = select i1 %strange, {whole} -1, {whole} %order"]  # fmt: skip
    return "\n".join(f"  {line}" for line in [*lines, f"%rank = xor {whole} %up, {flipped}"])
