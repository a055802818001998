"""PyTorch's CPU random numbers as NumPy arrays: same seed, same stream.

The engine is MT19937 (Matsumoto and Nishimura, ACM TOMACS 8(1), 1998), seeded from the low 32 bits of the seed as its
authors' `init_genrand` of 2002 does. What is made of its words equals PyTorch 2.13 to the bit, but for what
docs/random.md names: processors without AVX2, where PyTorch's own normal numbers differ, and another C library.
"""

from chainrule.generator.whole import Whole


class Generator(Whole):
    """A source of random arrays with `torch.Generator`'s stream and state, on the CPU.

    >>> g = Generator().manual_seed(0)
    >>> g.rand((2,))
    array([0.4962566, 0.7682218], dtype=float32)
    >>> g.randn((2,)).round(4)
    array([-0.2905, -1.0704], dtype=float32)
    """


default_generator = Generator()  # what every draw without a generator of its own continues
