"""Optimizers and learning-rate schedules: steps, states, printing and rates as in torch."""


def test_same_as_torch(both, program):
    both(program, rel=1e-5, abs=1e-6)


OPTIMIZERS = """
SGD lr=0.1 | SGD lr=0.1 momentum=0.9 weight_decay=0.01 | SGD lr=0.1 momentum=0.9 dampening=0.1
SGD lr=0.05 momentum=0.9 nesterov=True | SGD lr=0.05 maximize=True | Adam lr=0.01
Adam lr=0.01 weight_decay=0.1 amsgrad=True
Adam lr=0.01 betas=(0.8,0.9) eps=1e-3 maximize=True | AdamW lr=0.01 | AdamW lr=0.01 amsgrad=True weight_decay=0.1
Adagrad lr=0.1 lr_decay=0.01 | Adagrad lr=0.1 weight_decay=0.1 initial_accumulator_value=0.5 | RMSprop lr=0.01
Adadelta | Adadelta lr=0.5 rho=0.8 weight_decay=0.1 maximize=True
RMSprop lr=0.01 centered=True momentum=0.5 | RMSprop lr=0.01 alpha=0.9 weight_decay=0.1 maximize=True
""".strip().replace("\n", " | ").split(" | ")


def every_optimizer(torch):
    results = []
    for line in OPTIMIZERS:
        name, *settings = line.split(" ")
        settings = {key: eval(value) for key, value in (s.split("=") for s in settings)}
        torch.manual_seed(0)
        a, b = torch.randn(3, 2, requires_grad=True), torch.randn(2, requires_grad=True)
        optimizer = getattr(torch.optim, name)([a, b], **settings)
        x = torch.randn(5, 3)
        for _ in range(6):
            optimizer.zero_grad()
            ((x @ a + b).tanh() ** 2).sum().backward()
            optimizer.step()
        results.append((repr(optimizer), a, b, optimizer.state_dict()))
    return results


def groups_states_and_closures(torch):
    a, b, c = (torch.tensor([k + 1.0], requires_grad=True) for k in range(3))
    optimizer = torch.optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=0.1, momentum=0.9)
    optimizer.add_param_group({"params": [c], "momentum": 0.0})

    def closure():
        optimizer.zero_grad()
        loss = (a * a + b * b * b + c).sum()
        loss.backward()
        return loss

    losses = [optimizer.step(closure) for _ in range(3)]
    other = torch.optim.SGD([{"params": [a]}, {"params": [b]}, {"params": [c]}], lr=1.0)
    other.load_state_dict(optimizer.state_dict())
    other.step(closure)
    optimizer.zero_grad(set_to_none=False)
    return losses, a, b, c, repr(other), [p.grad for p in (a, b, c)], other.state_dict()


def refusals(torch):
    x = torch.ones(1, requires_grad=True)
    kinds = []
    for wrong in (
        lambda: torch.optim.SGD([], lr=0.1), lambda: torch.optim.SGD(x, lr=0.1), lambda: torch.optim.SGD([x], lr=-1),
        lambda: torch.optim.SGD([x * 2], lr=0.1), lambda: torch.optim.SGD([1.0], lr=0.1),
        lambda: torch.optim.SGD([x], lr=0.1, nesterov=True), lambda: torch.optim.Adam([x], betas=(1.0, 0.9)),
        lambda: torch.optim.SGD([{"params": [x]}, {"params": [x]}], lr=0.1),
        lambda: torch.optim.SGD([x], lr=0.1).load_state_dict({"state": {}, "param_groups": []}),
        lambda: torch.optim.lr_scheduler.StepLR(x, 1),
        lambda: torch.optim.lr_scheduler.OneCycleLR(torch.optim.SGD([x]), 1.0),
    ):  # fmt: skip
        try:
            wrong()
            kinds.append(None)
        except (TypeError, ValueError, RuntimeError) as error:
            kinds.append(next(k.__name__ for k in (TypeError, ValueError, RuntimeError) if isinstance(error, k)))
    return kinds


SCHEDULES = {
    "StepLR": lambda s, o: s.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], 0.1),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (e + 1)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.5 + 0.1 * (e % 2)),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.25, 4),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.25, 0.75, 6),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 8, 2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 5, 0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 2, 0.01),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, [0.5, 1.0], total_steps=16),
    "OneCycleLR linear": lambda s, o: s.OneCycleLR(o, 0.5, epochs=4, steps_per_epoch=4, three_phase=True,
                                                    anneal_strategy="linear"),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, 1.0, 3), s.CosineAnnealingLR(o, 6), s.ExponentialLR(o, 0.9)], [4, 10]),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)]),
}


def every_schedule(torch):
    results = {}
    for name, make in SCHEDULES.items():
        a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
        optimizer = torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.2}], lr=0.4, momentum=0.5)
        schedule = make(torch.optim.lr_scheduler, optimizer)
        rates = []
        for _ in range(15):
            rates.append([(g["lr"], g["momentum"]) for g in optimizer.param_groups] + schedule.get_last_lr())
            optimizer.step()
            schedule.step()
        results[name] = rates
    return results


def a_plateau(torch):
    results = []
    for settings in ({}, {"mode": "max", "threshold": 0.1}, {"threshold_mode": "abs", "cooldown": 2, "min_lr": 0.01}):
        optimizer = torch.optim.Adam([torch.ones(1, requires_grad=True)], lr=0.4)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5, **settings)
        for value in (5.0, 4.0, 4.0, 4.1, 3.9999, 4.2, 4.3, 3.0, 3.0, 3.0, 3.0, torch.tensor(3.0), 2.0):
            schedule.step(value)
            results.append((optimizer.param_groups[0]["lr"], schedule.num_bad_epochs, schedule.get_last_lr()))
    return results


def clipping_and_vectors(torch):
    utils = torch.nn.utils
    results = []
    for norm in (2.0, 1.0, float("inf"), 3):
        ps = [torch.arange(6.0).reshape(2, 3).requires_grad_(), torch.ones(2, requires_grad=True)]
        (ps[0] ** 2).sum().backward()
        results.append((utils.clip_grad_norm_(ps, 1.0, norm), ps[0].grad, ps[1].grad))
    utils.clip_grad_value_(ps, 0.1)
    vector = utils.parameters_to_vector(ps)
    utils.vector_to_parameters(vector.detach() * 2, ps)
    return results, ps[0].grad, vector, ps
