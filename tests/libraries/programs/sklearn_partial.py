"""scikit-learn: estimators that learn batch by batch, with what they need around them."""
import sys

import numpy
from resume import Checkpoint
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import IncrementalPCA
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier


def learn(batches):
    chp = Checkpoint("partial", rate=0.005)
    rng = numpy.random.RandomState(5)
    models = {
        "linear": SGDClassifier(random_state=rng),
        "bayes": GaussianNB(),
        "network": MLPClassifier((8,), random_state=rng),
    }
    means, scaler = MiniBatchKMeans(3, random_state=rng, n_init=1), StandardScaler()
    axes = IncrementalPCA(3)
    tree, whole = None, make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=1))
    scores = []
    chp.restore()
    for number in chp.loop(range(batches)):
        x = rng.normal(size=(30, 6))
        y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
        scaler.partial_fit(x)
        axes.partial_fit(x)
        means.partial_fit(scaler.transform(x))
        for model in models.values():
            model.partial_fit(scaler.transform(x), y, classes=[0, 1])
        tree = whole.fit(x, y)
        scores.append([float(model.score(x, y)) for model in models.values()])
        chp.sync()
    return models, means, axes, tree, scores, rng


models, means, axes, tree, scores, rng = learn(int(sys.argv[1]))
x = rng.normal(size=(5, 6))
print(scores)
print(models["linear"].coef_.tolist(), models["bayes"].theta_.tolist())
print([weights.tolist() for weights in models["network"].coefs_])
print(means.cluster_centers_.tolist(), axes.components_.tolist(), tree.predict(x).tolist())
