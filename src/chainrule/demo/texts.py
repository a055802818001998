"""What the demo says, in English and Chinese side by side."""

from collections.abc import Callable

# Labels: the English is the key.
CHINESE = {
    "by definition": "按定义",
    "central difference": "中心差分",
    "largest error": "最大误差",
    "partial derivative": "偏导数",
    "its value": "它的值",
    "rule": "法则",
    "as code": "代码",
    "in words": "用文字说",
    "step": "步",
    "element": "元素",
    "path": "路径",
    "product": "乘积",
    "epoch": "轮次",
    "loss": "损失",
    "how": "方式",
    "µs per epoch": "每轮微秒",
    "times faster": "快几倍",
    "∇w < 0, so w grows": "∇w < 0，所以 w 变大",
    "∇w > 0, so w shrinks": "∇w > 0，所以 w 变小",
    "sum": "和",
    "eager, op by op": "逐步执行",
    "compiled, called from Python": "编译后，从 Python 逐次调用",
    "compiled, repeat(3000)": "编译后，repeat(3000)",
    "The report and its pictures are in {folder}.": "报告和图片在 {folder}。",
}

# Sentences: a key, then each language; a line that is indented further goes on with the sentence.
SENTENCES = """
title
  en: chainrule: gradients in six chapters
  zh: chainrule：梯度的六章故事

intro
  en: Every number below was computed just now. Beside each gradient stands a central difference, which knows
      nothing of derivative rules and so can check them.
  zh: 下面每个数字都是刚刚算出来的。每个梯度旁边都有中心差分；它完全不知道求导法则，因此可以用来检验。

definition
  en: 1. The gradient by definition
  zh: 第 1 章  按定义求梯度

definition.what
  en: The derivative of J at w says how much J changes when w changes a little. So nudge w by a small h to both
      sides, and compare:
  zh: J 在 w 处的导数，说的是 w 变化一点点时 J 变化多少。那就把 w 向两边各挪一个很小的 h，再比较：

definition.scalar
  en: For J(w) = (w − 3)², whose derivative is 2(w − 3):
  zh: 取 J(w) = (w − 3)²，它的导数是 2(w − 3)：

definition.double
  en: While J is measured like this, every floating tensor that it meets is read as float64. In float32, with its
      7 digits, the quotient at w = 1 would be {single:.6f}; in float64 it is {double:.6f}; the truth is −4.
  zh: 这样测量时，J 遇到的每个浮点张量都按 float64 读取。float32 只有约 7 位有效数字，w = 1 处的
      商会是 {single:.6f}；用 float64 得到 {double:.6f}；真值是 −4。

definition.tensor
  en: For a tensor, nudge one element at a time; the gradient has the shape of the tensor. J(W) = Σ W·sin(W):
  zh: 对张量就逐个元素地挪，梯度的形状与张量相同。取 J(W) = Σ W·sin(W)：

definition.update
  en: The gradient points uphill, so to make J smaller go against it: w ← w − α∇w. With α = 0.3, from either side:
  zh: 梯度指向上坡；要让 J 变小，就朝反方向走：w ← w − α∇w。取 α = 0.3，从两边出发：

definition.end
  en: From the left and from the right w comes to 3, where the slope is 0.
  zh: 无论从左边还是右边出发，w 都走向 3；在那里斜率为 0。

matrix
  en: 2. Gradient vector and matrix rules
  zh: 第 2 章  梯度向量与矩阵法则

matrix.what
  en: A function of several variables has a partial derivative for each: its slope when that one moves and the others
      are held still. Together they are a vector, the gradient. J(x) = x₁² + 2x₂² + x₁x₃ at x = (1, −2, 3):
  zh: 多元函数对每个变量都有一个偏导数：只让这个变量动、其余不动时的斜率。把它们排在一起就是一个向量，即梯度。
      取 J(x) = x₁² + 2x₂² + x₁x₃，在 x = (1, −2, 3) 处：

matrix.rules
  en: For vectors and matrices a few rules carry far. They are not looked up: chainrule runs the very rules that
      backward() runs, on symbols whose sizes stay open, and simplifies what arrives at x.
  zh: 对向量和矩阵，几条法则就能走很远。它们不是查表得来的：chainrule 用 backward() 运行的那些法则在符号上求导，
      大小不固定，再把到达 x 的结果化简。

matrix.table
  en: The same for the rules of the textbook; A is a matrix, x and y are column vectors:
  zh: 教科书里的几条法则，都这样推出；A 是矩阵，x 和 y 是列向量：

matrix.layout
  en: Denominator layout: the gradient of a number has the shape of x, and ∇ₓ(Ax) is the transpose of the Jacobian.
      The last column is the largest relative difference from central differences, at random points of three sizes.
  zh: 采用分母布局：数的梯度与 x 同形，∇ₓ(Ax) 是雅可比矩阵的转置。最后一列是在三种大小的随机点上与中心差分的最大
      相对误差。

chain
  en: 3. The chain rule
  zh: 第 3 章  链式法则

chain.one
  en: One variable: y = sin(u) with u = x². Along one way the rates multiply, dy/dx = dy/du · du/dx.
  zh: 单变量：y = sin(u)，u = x²。沿着一条路，变化率相乘：dy/dx = dy/du · du/dx。

chain.many
  en: Many variables: x₁ reaches y through every u that uses it. The ways are added up, dy/dxᵢ = Σⱼ
      dy/duⱼ · duⱼ/dxᵢ. With u₁ = x₁ + x₂, u₂ = x₁·x₂, u₃ = sin(x₁) and y = u₁·u₂ + u₃², at x₁ = 0.5, x₂ = 2:
  zh: 多变量：x₁ 通过每个用到它的 u 影响 y。各条路相加：dy/dxᵢ = Σⱼ dy/duⱼ · duⱼ/dxᵢ。
      取 u₁ = x₁ + x₂，u₂ = x₁·x₂，u₃ = sin(x₁)，y = u₁·u₂ + u₃²，在 x₁ = 0.5，x₂ = 2 处：

chain.end
  en: Where no way leads from x to u, as from x₂ to u₃, du/dx is 0 and nothing is added.
  zh: 如果没有路从 x 通到 u（例如 x₂ 到 u₃），du/dx 就是 0，对和没有贡献。

graph
  en: 4. Backpropagation on the graph
  zh: 第 4 章  计算图上的反向传播

graph.what
  en: J(a, b, c) = 3(a + bc) is computed in steps: v = b·c, u = a + v, J = 3u. Each step knows its own little
      derivative; it stands on the edge. Backpropagation starts with dJ/dJ = 1 and walks from right to left,
      multiplying along the edges and adding where ways meet.
  zh: J(a, b, c) = 3(a + bc) 分步计算：v = b·c，u = a + v，J = 3u。每一步只知道自己的局部导数，写在边上。反向传播
      从 dJ/dJ = 1 出发，从右向左走：沿边相乘，在汇合处相加。

graph.picture
  en: the graph of J, a local derivative on every edge
  zh: J 的计算图，每条边上是局部导数

graph.values
  en: The products hold for any values: dJ/da = 3·1, dJ/db = 3·1·c, dJ/dc = 3·1·b.
  zh: 对任何取值，这些乘积都成立：dJ/da = 3·1，dJ/db = 3·1·c，dJ/dc = 3·1·b。

weight
  en: 5. One weight of a network
  zh: 第 5 章  网络中的一个权重

weight.what
  en: A network with 2 inputs, two layers of 2 tanh neurons and 1 tanh output. Its loss is the square of its error e,
      for the target 1:
  zh: 一个 2-2-2-1 的 tanh 网络：2 个输入，两层各 2 个神经元，1 个输出。目标是 1，损失是误差 e 的平方：

weight.paths
  en: The weight W1[0, 0] joins the first input to the first neuron. From there the paths part and meet again at z3.
      The gradient is the sum over the paths, each a product of the derivatives along it:
  zh: 权重 W1[0, 0] 连接第一个输入和第一个神经元。路径从那里分开，在 z3 又会合。梯度是各条路径之和，每条路径是
      沿途导数的乘积：

weight.one
  en: the two paths of W1[0, 0]
  zh: W1[0, 0] 的两条路径

weight.all
  en: the whole network; between tensors stands the rule, g arrives from the right
  zh: 整个网络；张量之间的边上写的是法则，g 是从右边传来的梯度

weight.update
  en: All weights take a step, w ← w − 0.5·∇w, and another. The loss falls:
  zh: 所有权重一步步更新，w ← w − 0.5·∇w，损失随之下降：

regression
  en: 6. Linear regression
  zh: 第 6 章  线性回归

regression.what
  en: 50 points of y = 3x + 0.8 and a line w·x + b that begins anywhere. The loss is the mean of the squared
      errors; 3000 epochs of gradient descent with learning rate 0.01.
  zh: 从 y = 3x + 0.8 取 50 个点，直线 w·x + b 从随机的 w、b 开始。损失是误差平方的平均值；梯度下降 3000 轮，
      学习率 0.01。

regression.zero
  en: Each epoch sets the gradients to 0 before backward(), because backward() adds to what is there: for
      loss = w², w = 1, the first backward() leaves a gradient of {once:g}, a second one without zeroing
      {twice:g}.
  zh: 每一轮在 backward() 之前都要把梯度清零，因为 backward() 会累加：对 loss = w²，w = 1，第一次 backward() 之后
      梯度是 {once:g}，不清零再来一次就成了 {twice:g}。

regression.found
  en: The line found is y = {w:.3f}x + {b:.3f}; w is on its way to 3 and b to 0.8.
  zh: 求得的直线是 y = {w:.3f}x + {b:.3f}；w 趋向 3，b 趋向 0.8。

regression.fit
  en: the points and the line found
  zh: 数据点与求得的直线

regression.curve
  en: the loss of each epoch, on a logarithmic scale
  zh: 每一轮的损失（对数坐标）

regression.compiled
  en: The same step, compiled: forward, backward and update become one native call. The first call loads LLVM,
      traces and compiles, or finds the code of an earlier run: {first:.0f} ms. After 3000 epochs w = {w:.6f},
      b = {b:.6f}; op by op it was w = {eager_w:.6f}, b = {eager_b:.6f}.
  zh: 把同一步编译：前向、反向和更新合成一次本机调用。第一次调用要加载 LLVM、追踪并编译（或找到以前编译好的代
      码），用了 {first:.0f} 毫秒。3000 轮之后 w = {w:.6f}，b = {b:.6f}；
      逐步执行得到 w = {eager_w:.6f}，b = {eager_b:.6f}。

no plot
  en: No pictures of the fit and the loss: matplotlib is not installed. `pip install 'chainrule[plot]'` adds them.
  zh: 没有拟合图和损失曲线：未安装 matplotlib。用 `pip install 'chainrule[plot]'` 可以加上。

no compile
  en: No compiled step: llvmlite is not installed. `pip install 'chainrule[compile]'` adds it, and makes this
      chapter hundreds of times faster.
  zh: 没有编译执行：未安装 llvmlite。用 `pip install 'chainrule[compile]'` 可以加上，这一章会快几百倍。
"""


def _read(catalogue: str) -> dict[str, dict[str, str]]:
    """The sentences by key and language. English lines are joined by a space, Chinese ones by nothing."""
    texts: dict[str, dict[str, str]] = {}
    for entry in catalogue.strip().split("\n\n"):
        key, *lines = entry.splitlines()
        texts[key] = {}
        for line in lines:
            if not line.startswith("   "):
                lang, line = line.strip().split(": ", 1)
                texts[key][lang] = line
            else:
                texts[key][lang] += " " * (lang == "en") + line.strip()
    return texts


TEXTS = _read(SENTENCES) | {english: {"en": english, "zh": chinese} for english, chinese in CHINESE.items()}


def words_in(lang: str) -> Callable[..., str]:
    """``words(key, **values)``: a text in English ("en") or Chinese ("zh"); mathematics is its own text."""
    return lambda key, **values: TEXTS[key][lang].format(**values) if key in TEXTS else key
