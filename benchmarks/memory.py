"""Peak memory of a training step of an MLP with 64 MB of activations, and of a chain of 100,000 ops, beside torch.

Each is measured in a process of its own: the peak of its resident set, less what it was before the step.
"""

import resource
import sys
from typing import Any

from timing import ONE_THREAD, fresh

LIMIT = 1.3  # ours / theirs, of the step
BATCH, WIDTH, LAYERS = 4096, 512, 8  # 4096 x 512 x 4 bytes = 8 MB for each of 8 layers' activations


def network(torch: Any) -> None:
    """Two steps of gradient descent: the second finds its gradients' memory allocated."""
    torch.manual_seed(0)
    x = torch.rand(BATCH, WIDTH)
    weights = [((torch.rand(WIDTH, WIDTH) - 0.5) / 10).requires_grad_() for _ in range(LAYERS)]
    for _ in range(2):
        h = x
        for w in weights:
            h = (h @ w).tanh()
        loss = h.pow(2).mean()
        loss.backward()
        with torch.no_grad():
            for w in weights:
                w -= 0.1 * w.grad
                w.grad = None


def chain(torch: Any) -> None:
    """100,000 ops one after the other, and back."""
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.00001
    y.backward()


def peak() -> float:
    """The peak of the resident set so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(module: str, program: str) -> float:
    """MB that a program adds to the peak, in a new process."""
    return float(fresh([__file__, module, program], ONE_THREAD))


def main() -> None:
    """Print the table; fail where the step takes more than the limit."""
    failed = False
    print("peak memory, MB           chainrule    torch    ratio")
    for program in ("network", "chain"):
        ours = measured("chainrule", program)
        try:
            theirs = measured("torch", program)
        except RuntimeError:
            print(f"{program:<24}{ours:>11.1f}        -        -   (torch is not installed)")
            continue
        print(f"{program:<24}{ours:>11.1f}{theirs:>9.1f}{ours / theirs:>9.2f}")
        failed |= program == "network" and ours / theirs > LIMIT
    sys.exit(f"a step takes more than {LIMIT} times torch's memory" if failed else 0)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        module = __import__(sys.argv[1])
        (module.tensor(1.0, requires_grad=True) * 2).backward()
        before = peak()
        {"network": network, "chain": chain}[sys.argv[2]](module)
        print(peak() - before)
