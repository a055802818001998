"""Hooks on tensors, nodes and leaves, retained gradients and anomaly mode, as in torch: one small program per point."""


def leaf(torch, *values):
    return torch.tensor(list(values) or 3.0, requires_grad=True)


def test_same_as_torch(both, program):
    both(program)


def a_hook_registered_twice(torch):
    x, seen = leaf(torch), []
    handle = x.register_hook(seen.append)
    x.register_hook(seen.append)
    handle.remove()
    (x * 2).backward()
    return seen


def hooks_run_in_order(torch):
    x, order = leaf(torch), []
    for k in range(4):
        x.register_hook(lambda g, k=k: order.append((k, float(g))) or g + 1)
    (x * 2).backward()
    return order, x.grad


def a_hook_removed_inside_a_hook(torch):
    x, seen = leaf(torch), []
    handle = x.register_hook(lambda g: seen.append(float(g)) or handle.remove())
    (x * 2).backward()
    (x * 2).backward()
    return seen, x.grad


def a_hook_as_context(torch):
    x, seen = leaf(torch), []
    with x.register_hook(seen.append):
        (x * 2).backward()
    (x * 2).backward()
    return len(seen)


def a_hook_removed_twice(torch):
    handle = leaf(torch).register_hook(print)
    handle.remove()
    handle.remove()


def a_hook_that_returns_no_tensor(torch):
    x = leaf(torch)
    x.register_hook(lambda g: 3)
    (x * 2).backward()


def a_hook_that_changes_the_size(torch):
    x = leaf(torch, 1.0, 2.0)
    x.register_hook(lambda g: g.sum())
    (x * 2).sum().backward()


def a_hook_with_create_graph(torch):
    x = leaf(torch)
    x.register_hook(lambda g: g * g)
    (g,) = torch.autograd.grad(x**2, x, create_graph=True)
    return g, torch.autograd.grad(g, x)


def a_hook_and_autograd_grad(torch):
    x = leaf(torch)
    h = x * 2
    h.register_hook(lambda g: g * 10)
    return torch.autograd.grad(h * h, [h, x])


def a_hook_is_not_called_where_no_gradient_goes(torch):
    x, seen = leaf(torch), []
    h, unused = x * 2, x * 3
    unused.register_hook(seen.append)
    h.backward()
    return seen


def a_hook_sees_no_recording(torch):
    x, seen = leaf(torch), []
    x.register_hook(lambda g: seen.append((torch.is_grad_enabled(), g.requires_grad)))
    (x * x).backward()
    (x * x).backward(create_graph=True)
    return seen


def a_hook_before_in_place(torch):
    x, seen = leaf(torch), []
    y = x * 2
    y.register_hook(lambda g: seen.append(("before", float(g))))
    y.mul_(5)
    y.register_hook(lambda g: seen.append(("after", float(g))))
    y.backward()
    return seen, x.grad


def a_hook_that_raises(torch):
    x = leaf(torch)

    def hook(g):
        raise KeyError("here")

    x.register_hook(hook)
    (x * 2).backward()


def a_node_hook(torch):
    x, w, seen = leaf(torch), leaf(torch, 2.0), []
    y = x * w
    y.grad_fn.register_hook(lambda inner, outer: seen.append((inner, outer)))
    y.sum().backward()
    return [(tuple(g.tolist() for g in inner), tuple(g.tolist() for g in outer)) for inner, outer in seen]


def a_node_hook_replaces(torch):
    x = leaf(torch)
    y = x * x
    y.grad_fn.register_hook(lambda inner, outer: tuple(g * 10 for g in inner))
    y.backward()
    return x.grad


def a_node_hook_sees_none(torch):
    x, seen = leaf(torch), []
    y = x * torch.tensor(2.0)
    y.grad_fn.register_hook(lambda inner, outer: seen.append([g is None for g in inner]))
    y.backward()
    return seen


def a_node_prehook(torch):
    x, seen = leaf(torch), []
    y = x * 2
    y.grad_fn.register_prehook(lambda outer: seen.append(outer[0]) or (outer[0] * 3,))
    y.backward()
    return seen, x.grad


def node_hooks_removed(torch):
    x, seen = leaf(torch), []
    y = x * 2
    first = y.grad_fn.register_prehook(lambda outer: seen.append(1))
    second = y.grad_fn.register_hook(lambda inner, outer: seen.append(2))
    first.remove()
    y.backward(retain_graph=True)
    second.remove()
    y.backward()
    return seen


def the_order_of_all_hooks(torch):
    x, order = leaf(torch), []
    y = x * 2
    y.grad_fn.register_hook(lambda inner, outer: order.append("node"))
    y.grad_fn.register_prehook(lambda outer: order.append("prenode"))
    y.register_hook(lambda g: order.append("tensor"))
    x.register_hook(lambda g: order.append("leaf"))
    x.register_post_accumulate_grad_hook(lambda t: order.append("post"))
    y.backward()
    return order


def a_tensor_hook_comes_before_a_prehook_value(torch):
    x, seen = leaf(torch), []
    y = x * 2
    y.grad_fn.register_prehook(lambda outer: seen.append(float(outer[0])))
    y.register_hook(lambda g: g * 7)
    y.backward()
    return seen, x.grad


def a_captured_gradient_is_before_prehooks(torch):
    x = leaf(torch)
    y = x * 2
    y.grad_fn.register_prehook(lambda outer: (outer[0] * 3,))
    return torch.autograd.grad(y * 5, [y, x])


def a_hook_on_accumulation(torch):
    x, seen = leaf(torch), []
    accumulate = (x * 2).grad_fn.next_functions[0][0]
    y = x * 4
    accumulate.register_hook(lambda inner, outer: seen.append((len(inner), float(outer[0]), float(x.grad))))
    y.backward()
    return seen


def a_prehook_on_accumulation(torch):
    x = leaf(torch)
    y = x * 4
    accumulate = y.grad_fn.next_functions[0][0]
    handle = accumulate.register_prehook(lambda outer: (outer[0] * 10,))
    y.backward(retain_graph=True)
    first = x.grad.clone()
    handle.remove()
    y.backward()
    return first, x.grad


def after_accumulation(torch):
    x, seen = leaf(torch, 1.0, 2.0), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.clone())))
    (x * x).sum().backward()
    x.sum().backward()
    return seen


def after_accumulation_the_gradient_is_dropped(torch):
    x = leaf(torch)

    def update(t):
        with torch.no_grad():
            t -= 0.1 * t.grad
        t.grad = None

    x.register_post_accumulate_grad_hook(update)
    (x * x).backward()
    (x * x).backward()
    return x, x.grad


def after_accumulation_of_a_result(torch):
    (leaf(torch) * 2).register_post_accumulate_grad_hook(print)


def after_accumulation_removed(torch):
    x, seen = leaf(torch), []
    handle = x.register_post_accumulate_grad_hook(seen.append)
    handle.remove()
    (x * 2).backward()
    return seen


def after_accumulation_and_autograd_grad(torch):
    x, seen = leaf(torch), []
    x.register_post_accumulate_grad_hook(seen.append)
    torch.autograd.grad(x * 2, x)
    return seen


def after_accumulation_with_inputs(torch):
    x, w, seen = leaf(torch), leaf(torch), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(float(t.grad)))
    (x * w).backward(inputs=[x])
    return seen, x.grad, w.grad


def a_retained_gradient_is_replaced_by_later_hooks(torch):
    x = leaf(torch)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: g + 1)
    (h * 3).backward()
    return h.grad, x.grad, h.retains_grad


def retained_gradients_accumulate(torch):
    x = leaf(torch)
    h = x * 2
    h.retain_grad()
    y = h * h
    y.backward(retain_graph=True)
    y.backward()
    return h.grad, x.grad


def retained_with_create_graph(torch):
    x = leaf(torch)
    h = x * 2
    h.retain_grad()
    (h * h).backward(create_graph=True)
    return h.grad.requires_grad, h.grad


def retains_grad_flags(torch):
    x = leaf(torch)
    y = x * 2
    first = y.retains_grad
    y.retain_grad()
    x.retain_grad()
    return first, y.retains_grad, x.retains_grad


def anomaly_finds_nan(torch):
    x = leaf(torch, 0.0)
    with torch.autograd.detect_anomaly():
        (x.sqrt() * 0).sum().backward()


def anomaly_lets_numbers_pass(torch):
    x = leaf(torch, 4.0)
    with torch.autograd.detect_anomaly():
        x.sqrt().sum().backward()
    return x.grad


def anomaly_without_a_check(torch):
    x = leaf(torch, 0.0)
    with torch.autograd.detect_anomaly(check_nan=False):
        (x.sqrt() * 0).sum().backward()
    return x.grad


def anomaly_switches(torch):
    states = [torch.is_anomaly_enabled()]
    with torch.autograd.set_detect_anomaly(True):
        states.append(torch.is_anomaly_enabled())
        with torch.autograd.set_detect_anomaly(False):
            states.append(torch.is_anomaly_enabled())
    states.append(torch.is_anomaly_enabled())
    return states


def notes_on_a_node(torch):
    y = leaf(torch) * 2
    y.grad_fn.metadata["key"] = 5
    return y.grad_fn.metadata


def next_functions_of_a_constant(torch):
    y = leaf(torch) * torch.tensor(2.0)
    return [(f is None, n) for f, n in y.grad_fn.next_functions]


def the_way_to_the_leaf(torch):
    x = leaf(torch)
    node, names = ((x * 2).sin() + 1).exp().grad_fn, []
    while node is not None:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    return names
