"""torch: a model, its optimizer, a scheduler, a shuffled loader, dropout; all as locals."""
import sys

import torch
from resume import Checkpoint


def train(epochs):
    chp = Checkpoint("training", rate=0.005)
    torch.manual_seed(5)
    torch.set_num_threads(1)
    inputs = torch.randn(96, 8)
    data = torch.utils.data.TensorDataset(inputs, (inputs.sum(1) > 0).long())
    loader = torch.utils.data.DataLoader(data, batch_size=12, shuffle=True)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(),
                                torch.nn.Dropout(0.3), torch.nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    losses = []
    average = torch.zeros(16, 8)
    chp.restore()
    for _ in chp.loop(range(epochs)):
        for features, labels in chp.loop(loader):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(features), labels)
            loss.backward()
            optimizer.step()
            average.mul_(0.9).add_(model[0].weight.detach(), alpha=0.1)
            losses.append(loss.item())
            chp.sync()
        scheduler.step()
    return model, optimizer, losses, average, torch.rand(3)


model, optimizer, losses, average, after = train(int(sys.argv[1]))
print(losses, average.tolist(), after.tolist())
for name, value in model.state_dict().items():
    print(name, value.tolist())
print([sorted(state) for state in optimizer.state.values()], optimizer.param_groups[0]["lr"])
