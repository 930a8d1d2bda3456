"""Learning from batches that a generator makes, as partial_fit does it."""
import numpy as np
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler


def batches(count, size, seed):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=12)
    for number in range(count):
        features = rng.normal(size=(size, 12))
        yield number, features, (features @ weights + rng.normal(size=size) > 0).astype(int)


model, scaler = SGDClassifier(random_state=1), StandardScaler()
history = []
for number, features, labels in batches(150, 200, 7):
    scaled = scaler.partial_fit(features).transform(features)
    if number:
        history.append(model.score(scaled, labels))
    model.partial_fit(scaled, labels, classes=[0, 1])
    if number % 30 == 0:
        print(number, history[-1:], np.round(model.coef_.sum(), 9))
print(np.mean(history), model.t_)
