"""torch.func and autograd.functional, as in torch: one small program per point."""


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_same_as_torch(both, program):
    both(program)


def vector(torch, *values):
    return torch.tensor(values or [0.5, 1.0, 1.5])


def grad(torch):
    f = torch.func.grad(lambda x: (x**3).sum())
    g = f(torch.tensor([1.0, 2.0]))
    return g, g.requires_grad


def grad_of_grad(torch):
    return torch.func.grad(torch.func.grad(torch.func.grad(lambda x: x**4)))(torch.tensor(2.0))


def grad_by_others(torch):
    def f(x, y, k=2):
        return (x * y).sum() * k

    x, y = vector(torch), vector(torch, 2.0, 3.0, 4.0)
    return (
        torch.func.grad(f, argnums=1)(x, y),
        torch.func.grad(f, argnums=(0, 1))(x, y, k=3),
        torch.func.grad(f, -1)(x, y),
    )


def grad_with_aux(torch):
    return torch.func.grad(lambda x: ((x * x).sum(), x * 2), has_aux=True)(vector(torch))


def grad_and_value(torch):
    f = torch.func.grad_and_value
    return f(lambda x: x.sin().sum())(vector(torch)), f(lambda x: (x.sin().sum(), {"a": x}), has_aux=True)(
        vector(torch)
    )


def grad_of_a_dict(torch):
    params = {"w": torch.tensor([[1.0, 2.0]]), "b": torch.tensor([0.5])}

    def loss(params, x):
        return ((x @ params["w"].T + params["b"]) ** 2).sum()

    return torch.func.grad(loss)(params, torch.tensor([[1.0, 1.0], [2.0, 0.5]]))


def grad_of_a_vector_function(torch):
    torch.func.grad(lambda x: x * 2)(vector(torch))


def grad_of_no_tensor(torch):
    torch.func.grad(lambda x: 3.0)(vector(torch))


def grad_by_a_number_too_high(torch):
    torch.func.grad(lambda x: x.sum(), argnums=2)(vector(torch))


def grad_of_a_constant_function(torch):
    return torch.func.grad(lambda x: torch.tensor(1.0))(vector(torch))


def grad_through_a_closure(torch):
    def outer(x):
        return torch.func.grad(lambda y: x * y * y)(torch.tensor(3.0)) * x

    return torch.func.grad(outer)(torch.tensor(2.0))


def no_confusion_of_perturbations(torch):
    return torch.func.grad(lambda x: x * torch.func.grad(lambda y: x + y)(torch.tensor(1.0)))(torch.tensor(5.0))


def grad_under_no_grad(torch):
    with torch.no_grad():
        return torch.func.grad(lambda x: (x * x).sum())(vector(torch))


def no_grad_inside(torch):
    def f(x):
        with torch.no_grad():
            c = x * x
        return (x * c).sum()

    return torch.func.grad(f)(vector(torch))


def grad_of_what_requires_grad(torch):
    x = leaf(torch, 1.0, 2.0)
    g = torch.func.grad(lambda x: (x**3).sum())(x)
    g.sum().backward()
    return g, g.requires_grad, x.grad


def grad_with_a_closure_that_requires_grad(torch):
    w = leaf(torch)
    g = torch.func.grad(lambda x: (w * x * x).sum())(vector(torch))
    g.sum().backward()
    return g.requires_grad, w.grad


def vjp(torch):
    out, pull = torch.func.vjp(lambda x: x * x, vector(torch))
    return out, pull(torch.ones(3)), pull(torch.tensor([1.0, 0.0, 2.0]))


def vjp_of_two(torch):
    out, pull = torch.func.vjp(lambda x, y: (x * y, {"s": x.sum()}), vector(torch), vector(torch))
    return out, pull((torch.ones(3), {"s": torch.tensor(2.0)}))


def vjp_with_aux(torch):
    out, pull, aux = torch.func.vjp(lambda x: (x * x, x.sum()), vector(torch), has_aux=True)
    return out, pull(torch.ones(3)), aux


def vjp_of_another_shape(torch):
    _, pull = torch.func.vjp(lambda x: x * x, vector(torch))
    pull(torch.ones(2))


def jvp(torch):
    return torch.func.jvp(lambda x: x.sin(), (vector(torch),), (torch.ones(3),))


def jvp_of_two(torch):
    return torch.func.jvp(lambda x, y: (x * y).sum(), (vector(torch), torch.ones(3)), (torch.ones(3), vector(torch)))


def jvp_with_aux(torch):
    return torch.func.jvp(lambda x: (x.sin(), x * 2), (vector(torch),), (torch.ones(3),), has_aux=True)


def jvp_of_jvp(torch):
    def f(x):
        return torch.func.jvp(lambda y: y**3, (x,), (torch.ones(3),))[1]

    return torch.func.jvp(f, (vector(torch),), (torch.ones(3),))


def grad_of_jvp(torch):
    return torch.func.grad(lambda x: torch.func.jvp(lambda y: y.sin(), (x,), (torch.ones(3),))[1].sum())(vector(torch))


def jacobians(torch):
    def f(x):
        return (x.flip(0) * x).cumsum(0)[:2]

    return torch.func.jacrev(f)(vector(torch)), torch.func.jacfwd(f)(vector(torch))


def jacobians_of_matrices(torch):
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    return torch.func.jacrev(lambda x: x @ x.T)(x), torch.func.jacfwd(lambda x: x @ x.T)(x)


def jacobians_by_several(torch):
    def f(x, y):
        return x * y.sum()

    x, y = vector(torch), torch.tensor([1.0, 2.0])
    return torch.func.jacrev(f, argnums=(0, 1))(x, y), torch.func.jacfwd(f, argnums=1)(x, y)


def jacobians_of_several(torch):
    def f(x):
        return {"a": x * 2, "b": (x.sum(), x[0])}

    return torch.func.jacrev(f)(vector(torch)), torch.func.jacfwd(f)(vector(torch))


def jacobian_with_aux(torch):
    return torch.func.jacrev(lambda x: (x * x, x.sum()), has_aux=True)(vector(torch))


def hessian(torch):
    return torch.func.hessian(lambda x: (x**3).sum() * x[0])(vector(torch))


def hessian_by_two(torch):
    return torch.func.hessian(lambda x, y: (x * y).sum() ** 2, argnums=(0, 1))(vector(torch), vector(torch))


def vmap(torch):
    f = torch.func.vmap(lambda x, y: (x * y).sum())
    return f(torch.arange(6.0).reshape(2, 3), torch.ones(2, 3)), torch.vmap(lambda x: x * 2)(torch.arange(3.0))


def vmap_axes(torch):
    x, y = torch.arange(6.0).reshape(2, 3), torch.arange(2.0)
    f = torch.vmap(lambda x, y: x + y, in_dims=(1, None), out_dims=1)
    return f(x, y), torch.vmap(lambda x: x.sum(), in_dims=1)(x), torch.vmap(lambda x: x, out_dims=-1)(x)


def vmap_of_trees(torch):
    def f(d, pair):
        return {"a": d["x"] * pair[0]}, pair[1].sum()

    d, pair = {"x": torch.arange(2.0)}, (torch.ones(2), torch.arange(6.0).reshape(2, 3))
    return torch.vmap(f)(d, pair), torch.vmap(f, in_dims=({"x": 0}, (None, 0)))(d, (torch.tensor(2.0), pair[1]))


def vmap_in_vmap(torch):
    x = torch.arange(6.0).reshape(2, 3)
    return torch.vmap(torch.vmap(lambda x: x * x))(x), torch.vmap(torch.vmap(torch.sin, in_dims=0), in_dims=1)(x)


def gradients_per_example(torch):
    w = torch.tensor([1.0, 2.0])

    def loss(w, x, y):
        return ((x * w).sum() - y) ** 2

    return torch.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(w, torch.arange(6.0).reshape(3, 2), torch.ones(3))


def grad_of_vmap(torch):
    return torch.func.grad(lambda x: torch.vmap(lambda v: v.sin() * v)(x).sum())(vector(torch))


def vmap_of_different_sizes(torch):
    torch.vmap(lambda x, y: x + y)(torch.ones(2), torch.ones(3))


def vmap_of_nothing(torch):
    torch.vmap(lambda x: x, in_dims=None)(torch.ones(2))


def vmap_of_an_axis_too_high(torch):
    torch.vmap(lambda x: x, in_dims=1)(torch.ones(2))


def vmap_of_a_number(torch):
    torch.vmap(lambda x: x)(3.0)


def vmap_giving_no_tensor(torch):
    torch.vmap(lambda x: 3)(torch.ones(2))


# -- autograd.functional ----------------------------------------------------------------------------------------------


def functional_jacobian(torch):
    f = torch.autograd.functional.jacobian
    return f(lambda x: x.flip(0) * x, vector(torch)), f(lambda x, y: (x * y, x.sum()), (vector(torch), vector(torch)))


def functional_jacobian_with_graph(torch):
    x = leaf(torch, 1.0, 2.0)
    j = torch.autograd.functional.jacobian(lambda x: x**3, x, create_graph=True)
    j.sum().backward()
    return j.requires_grad, x.grad


def functional_jacobian_of_a_constant(torch):
    return torch.autograd.functional.jacobian(lambda x: torch.ones(2), vector(torch))


def functional_strict(torch):
    torch.autograd.functional.jacobian(lambda x: torch.ones(2), vector(torch), strict=True)


def functional_hessian(torch):
    f = torch.autograd.functional.hessian
    return f(lambda x: (x**3).sum(), vector(torch)), f(lambda x, y: (x * y).sum() ** 2, (vector(torch), vector(torch)))


def functional_hessian_of_a_vector(torch):
    torch.autograd.functional.hessian(lambda x: x * 2, vector(torch))


def functional_vjp(torch):
    f = torch.autograd.functional.vjp
    return f(lambda x: x**2, vector(torch), torch.ones(3)), f(
        lambda x, y: (x * y).sum(), (vector(torch), vector(torch))
    )


def functional_vjp_without_vector(torch):
    torch.autograd.functional.vjp(lambda x: x**2, vector(torch))


def functional_vjp_of_another_shape(torch):
    torch.autograd.functional.vjp(lambda x: x**2, vector(torch), torch.ones(2))


def functional_jvp(torch):
    f, ones = torch.autograd.functional.jvp, torch.ones(3)
    return f(lambda x: x**2, vector(torch), ones), f(lambda x, y: (x * y, x), (vector(torch), ones), (ones, ones))


def functional_vhp(torch):
    return torch.autograd.functional.vhp(lambda x: (x**3).sum() * x[0], vector(torch), torch.tensor([1.0, 0.0, 2.0]))


def functional_hvp(torch):
    f = torch.autograd.functional.hvp
    return f(lambda x: (x**3).sum() * x[0], vector(torch), torch.tensor([1.0, 0.0, 2.0])), f(
        lambda x, y: (x * y).sum() ** 2, (vector(torch), vector(torch)), (torch.ones(3), torch.ones(3))
    )


def functional_of_no_tensor(torch):
    torch.autograd.functional.vjp(lambda x: 3, vector(torch))
