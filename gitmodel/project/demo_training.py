"""The training script of `gitmodel demo`, a stand-in for a user's own `train.py`.

It is stored as text because it is not part of gitmodel: the demo writes it into its scratch repository, where
users can read it and run it again. It needs only Python.

Guarantee: on one machine the same number of epochs gives the same bytes.
"""

from __future__ import annotations

WEIGHTS_NAME = "moons.safetensors"
METRICS_NAME = "metrics.json"

TRAINING_SCRIPT = '''\
"""Train a small neural network to tell two moons apart, with nothing but Python itself.

    python train.py --epochs 1                        writes moons.safetensors and metrics.json
    python train.py --evaluate moons.safetensors      reads weights and says how good they are

The points of two half circles overlap a little, so no straight line separates them. The network has
two inputs, 24 hidden tanh units and one logistic output: 97 numbers.
"""

import argparse
import json
import math
import random
import struct

HIDDEN = 24
RATE = 0.1
SHAPES = {
    "hidden.weight": [HIDDEN, 2],
    "hidden.bias": [HIDDEN],
    "output.weight": [1, HIDDEN],
    "output.bias": [1],
}


def two_moons(count, seed):
    """Return (x, y, label) points of two half circles, with noise."""
    chance = random.Random(seed)
    points = []
    for number in range(count):
        angle, label = math.pi * chance.random(), number % 2
        x = math.cos(angle) if label == 0 else 1 - math.cos(angle)
        y = math.sin(angle) if label == 0 else 0.5 - math.sin(angle)
        points.append((x + chance.gauss(0, 0.15), y + chance.gauss(0, 0.15), label))
    return points


def new_weights(seed):
    """Return random weights: one flat list of numbers for each tensor."""
    chance = random.Random(seed)
    return {
        name: [chance.gauss(0, 0.5) for _ in range(math.prod(shape))]
        for name, shape in SHAPES.items()
    }


def predict(weights, x, y):
    """Return the hidden units and the probability of label 1."""
    inputs, biases = weights["hidden.weight"], weights["hidden.bias"]
    hidden = [
        math.tanh(inputs[2 * unit] * x + inputs[2 * unit + 1] * y + biases[unit])
        for unit in range(HIDDEN)
    ]
    score = sum(weight * unit for weight, unit in zip(weights["output.weight"], hidden))
    return hidden, 1 / (1 + math.exp(-score - weights["output.bias"][0]))


def train(weights, points, epochs):
    """Stochastic gradient descent: after each point, a step against its error."""
    chance = random.Random(1)
    inputs, biases, outputs = (
        weights[name] for name in ("hidden.weight", "hidden.bias", "output.weight")
    )
    for _ in range(epochs):
        chance.shuffle(points)
        for x, y, label in points:
            hidden, probability = predict(weights, x, y)
            error = probability - label
            weights["output.bias"][0] -= RATE * error
            for unit, value in enumerate(hidden):
                slope = error * outputs[unit] * (1 - value * value)
                outputs[unit] -= RATE * error * value
                inputs[2 * unit] -= RATE * slope * x
                inputs[2 * unit + 1] -= RATE * slope * y
                biases[unit] -= RATE * slope


def evaluate(weights, points):
    """Return accuracy and mean log loss on points that training has not seen."""
    right, loss = 0, 0.0
    for x, y, label in points:
        probability = predict(weights, x, y)[1]
        right += (probability > 0.5) == bool(label)
        loss -= math.log(max(probability if label else 1 - probability, 1e-12))
    return {"accuracy": round(right / len(points), 4), "loss": round(loss / len(points), 4)}


def save(path, weights):
    """Write safetensors: length of the header, header in JSON, then float32, little endian."""
    header, start = {}, 0
    for name, shape in SHAPES.items():
        end = start + 4 * len(weights[name])
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in SHAPES:
            file.write(struct.pack(f"<{len(weights[name])}f", *weights[name]))


def load(path):
    """Read what `save` wrote."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    weights = {}
    for name in SHAPES:
        start, end = header[name]["data_offsets"]
        weights[name] = list(struct.unpack(f"<{(end - start) // 4}f", data[start:end]))
    return weights


def main():
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="Train a small model, or evaluate one.")
    parser.add_argument("--epochs", type=int, default=1, help="how long to train")
    parser.add_argument("--evaluate", metavar="FILE", help="do not train, evaluate these weights")
    chosen = parser.parse_args()
    unseen = two_moons(500, seed=3)
    if chosen.evaluate:
        metrics = evaluate(load(chosen.evaluate), unseen)
    else:
        weights = new_weights(seed=0)
        train(weights, two_moons(500, seed=2), chosen.epochs)
        save("moons.safetensors", weights)
        metrics = evaluate(load("moons.safetensors"), unseen)
        with open("metrics.json", "w") as file:
            json.dump(metrics, file, indent=2)
            file.write("\\n")
    print(f"accuracy {metrics['accuracy']}, loss {metrics['loss']} on 500 points not seen in training")


if __name__ == "__main__":
    main()
'''
