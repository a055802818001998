"""Sorting in LLVM IR: runs of a few by insertion, then merged, twice as long each time. Both keep equal keys in order.

Source: D. E. Knuth, "The Art of Computer Programming", vol. 3 (1973), 5.2.1 and 5.2.4.
"""

from chainrule.compiler.code import kind, memory_kind
from chainrule.compiler.loops import Sort
from chainrule.compiler.scalar import Buffer

RUN = 16
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
BEFORE = """define internal i1 @{function}.before(ptr %keys, i64 %a, i64 %b) alwaysinline {{
  %at = getelementptr {key}, ptr %keys, i64 %a
  %bt = getelementptr {key}, ptr %keys, i64 %b
  %x = load {key}, ptr %at
  %y = load {key}, ptr %bt
{compare}
}}"""
SORT = """define internal void @{function}(ptr noalias %out, ptr noalias %keys, ptr noalias %spare, i64 %n) noinline {{
entry:
  br label %run
run:
  %start = phi i64 [ 0, %entry ], [ %stop, %run.end ]
  %full = add i64 %start, {run}
  %stop = call i64 @llvm.umin.i64(i64 %full, i64 %n)
  br label %next
next:
  %i = phi i64 [ %start, %run ], [ %i.next, %placed ]
  br label %shift
shift:
  %j = phi i64 [ %i, %next ], [ %j.less, %moved ]
  %first = icmp eq i64 %j, %start
  br i1 %first, label %placed, label %compare
compare:
  %j.less = sub i64 %j, 1
  %left.at = getelementptr i64, ptr %out, i64 %j.less
  %left = load i64, ptr %left.at
  %earlier = call i1 @{function}.before(ptr %keys, i64 %i, i64 %left)
  br i1 %earlier, label %moved, label %placed
moved:
  %j.at = getelementptr i64, ptr %out, i64 %j
  store i64 %left, ptr %j.at
  br label %shift
placed:
  %hole = getelementptr i64, ptr %out, i64 %j
  store i64 %i, ptr %hole
  %i.next = add i64 %i, 1
  %i.more = icmp ult i64 %i.next, %stop
  br i1 %i.more, label %next, label %run.end
run.end:
  %unrun = icmp ult i64 %stop, %n
  br i1 %unrun, label %run, label %level
level:
  %width = phi i64 [ {run}, %run.end ], [ %wide, %level.end ]
  %from = phi ptr [ %out, %run.end ], [ %to, %level.end ]
  %to = phi ptr [ %spare, %run.end ], [ %from, %level.end ]
  %unmerged = icmp ult i64 %width, %n
  br i1 %unmerged, label %pair, label %sorted
pair:
  %low = phi i64 [ 0, %level ], [ %high, %pair.end ]
  %low.w = add i64 %low, %width
  %middle = call i64 @llvm.umin.i64(i64 %low.w, i64 %n)
  %middle.w = add i64 %middle, %width
  %high = call i64 @llvm.umin.i64(i64 %middle.w, i64 %n)
  br label %merge
merge:
  %t = phi i64 [ %low, %pair ], [ %t.next, %taken ]
  %l = phi i64 [ %low, %pair ], [ %l.next, %taken ]
  %r = phi i64 [ %middle, %pair ], [ %r.next, %taken ]
  %r.gone = icmp eq i64 %r, %high
  br i1 %r.gone, label %take.left, label %has.right
has.right:
  %r.at = getelementptr i64, ptr %from, i64 %r
  %r.place = load i64, ptr %r.at
  %l.gone = icmp eq i64 %l, %middle
  br i1 %l.gone, label %taken, label %has.both
has.both:
  %b.at = getelementptr i64, ptr %from, i64 %l
  %b.place = load i64, ptr %b.at
  %right.first = call i1 @{function}.before(ptr %keys, i64 %r.place, i64 %b.place)
  br i1 %right.first, label %taken, label %take.left
take.left:
  %l.at = getelementptr i64, ptr %from, i64 %l
  %l.place = load i64, ptr %l.at
  br label %taken
taken:
  %is.left = phi i64 [ 1, %take.left ], [ 0, %has.right ], [ 0, %has.both ]
  %place = phi i64 [ %l.place, %take.left ], [ %r.place, %has.right ], [ %r.place, %has.both ]
  %t.at = getelementptr i64, ptr %to, i64 %t
  store i64 %place, ptr %t.at
  %l.next = add i64 %l, %is.left
  %is.right = sub i64 1, %is.left
  %r.next = add i64 %r, %is.right
  %t.next = add i64 %t, 1
  %t.more = icmp ult i64 %t.next, %high
  br i1 %t.more, label %merge, label %pair.end
pair.end:
  %unpaired = icmp ult i64 %high, %n
  br i1 %unpaired, label %pair, label %level.end
level.end:
  %wide = shl i64 %width, 1
  br label %level
sorted:
  %home = icmp eq ptr %from, %out
  br i1 %home, label %end, label %copy
copy:
  %c = phi i64 [ 0, %sorted ], [ %c.next, %copy ]
  %c.from = getelementptr i64, ptr %from, i64 %c
  %c.to = getelementptr i64, ptr %out, i64 %c
  %c.place = load i64, ptr %c.from
  store i64 %c.place, ptr %c.to
  %c.next = add i64 %c, 1
  %c.more = icmp ult i64 %c.next, %n
  br i1 %c.more, label %copy, label %end
end:
  ret void
}}"""


def sort(step: Sort, needs: dict[str, str]) -> tuple[str, dict[Buffer, int]]:
    """A function that sorts row after row, and its buffers."""
    dtype = step.keys.dtype
    function = f"sort.{'down' if step.descending else 'up'}.{dtype}"
    words = {"function": function, "key": memory_kind(dtype), "compare": _compare(step), "run": RUN}
    needs["llvm.umin.i64"] = "declare i64 @llvm.umin.i64(i64, i64)"
    needs[function] = f"{BEFORE.format(**words)}\n{SORT.format(**words)}"
    return ROWS.format(**words, size=step.size, rows=step.rows), dict.fromkeys((step.out, step.keys, step.spare), 0)


def _compare(step: Sort) -> str:
    """Whether key x comes before key y: beyond any number stands NaN, which is unlike itself."""
    dtype = step.keys.dtype
    t, sign = kind(dtype), "gt" if step.descending else "lt"
    if dtype.kind != "f":
        return f"  %is = icmp {'s' if dtype.kind == 'i' else 'u'}{sign} {memory_kind(dtype)} %x, %y\n  ret i1 %is"
    strange, plain = ("%x", "%y") if step.descending else ("%y", "%x")
    return "\n".join([
        f"  %less = fcmp o{sign} {t} %x, %y", f"  %beyond = fcmp uno {t} {strange}, {strange}",
        f"  %number = fcmp ord {t} {plain}, {plain}", "  %last = and i1 %beyond, %number",
        "  %is = or i1 %less, %last", "  ret i1 %is"])  # fmt: skip
