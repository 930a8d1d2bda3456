"""Training loops of torch: killed and run again, they give what an uninterrupted run gives."""
import os

import pytest

pytest.importorskip("torch")

LOOPS = """
    import copy, os, sys
    import torch
    from torch import nn
    from resume import Checkpoint

    def kill(step):
        if os.environ.get("KILL") == str(step): os.kill(os.getpid(), 9)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3))
            self.head = nn.Linear(8, 1)
            self.tied = self.head
            self.register_forward_hook(lambda *_: None)  # what pickle can't save

        def forward(self, x):
            return self.tied(self.encoder(x))

    def print_state(*values):
        for value in values:
            print([x.tolist() if isinstance(x, torch.Tensor) else x for x in value])

    def modules():
        torch.manual_seed(1)
        chp = Checkpoint()
        model = Net()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        parameters, encoder = list(model.parameters()), model.encoder
        step, best, losses = 0, None, []
        chp.restore()
        assert all(a is b for a, b in zip(parameters, model.parameters(), strict=True))
        assert optimizer.param_groups[0]["params"][0] is parameters[0] and encoder is model.encoder
        while step < 9:
            if step == 3:
                model.head.requires_grad_(False)
            if step == 6:
                encoder.eval()
            loss = model(torch.randn(5, 4)).square().mean()
            loss.backward()
            if step % 2:  # gradients of two steps
                optimizer.step()
                optimizer.zero_grad()
                scheduler.step()
            losses.append(loss.detach())
            if best is None or loss < losses[0]:
                best = copy.deepcopy(model.state_dict())
            step += 1
            chp.save()
            kill(step)
        print_state(losses, model.state_dict().values(), best.values(),
                    [repr(scheduler.state_dict()["last_epoch"]), torch.rand(())])

    def tensors():
        torch.manual_seed(2)
        chp = Checkpoint()
        w = torch.zeros(3, requires_grad=True)
        b = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.SGD([w, b], lr=0.1, momentum=0.9)
        generator = torch.Generator().manual_seed(3)
        step, total = 0, torch.zeros(())
        chp.restore()
        while step < 9:
            x = torch.randn(4, 3, generator=generator)
            loss = ((x @ w + b - x.sum(1)) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
            step += 1
            chp.save()
            kill(step)
        assert optimizer.param_groups[0]["params"][0] is w
        print_state([w, b, total, torch.rand((), generator=generator)])

    class Trainer:
        def __init__(self):
            self.net = Net()
            self.optimizer = torch.optim.Adam(self.net.parameters())
            self.step, self.seen = 0, {}
            self.callback = lambda: self.step

        def fit(self):
            chp = Checkpoint()
            chp.track(self)
            chp.restore()
            while self.step < 9:
                self.optimizer.zero_grad()
                self.net(torch.randn(6, 4)).sum().backward()
                self.optimizer.step()
                self.step += 1
                self.seen[self.step] = self.net.head.weight.detach().clone()
                chp.save()
                kill(self.step)
            print_state(self.seen.values(), self.net.parameters(), [self.callback()])

    def trainer():
        torch.manual_seed(4)
        Trainer().fit()

    # each in a process of its own, that need not import torch again, nor what the first step does
    torch.optim.SGD([torch.zeros(1)], 0.1).step()
    codes = []
    for loop in modules, tensors, trainer:
        print("---", loop.__name__, file=sys.stderr)
        if os.fork() == 0:
            sys.exit(loop())
        codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
    print("exit codes", *codes, file=sys.stderr)
"""


@pytest.mark.skipif("RESUME_SANITIZED" in os.environ, reason="torch takes minutes to end there")
def test_training__killed_and_run_again(program, tmp_path):
    def codes(ran):
        return ran.check().err.splitlines()[-1]
    whole = program(LOOPS, folder=tmp_path / "whole").run()
    assert codes(whole) == "exit codes 0 0 0", whole.err
    pieces = program(LOOPS, folder=tmp_path / "pieces")
    for step in (4, 7):
        assert codes(pieces.run(KILL=str(step))) == "exit codes -9 -9 -9"
    last = pieces.run()
    assert codes(last) == "exit codes 0 0 0", last.err
    assert last.out == whole.out
    assert len(whole.out.splitlines()) == 8 and len(whole.out) > 1000
    assert "ResumeWarning" not in last.err.partition("--- trainer")[0], last.err
