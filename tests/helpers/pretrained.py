"""Small networks of photographs with random weights, as if they had been trained elsewhere."""

import torch
from torch import nn

# Names of the classes of `Colours`.
NAMES = ["teal", "red", "olive", "green", "navy", "blue"]


class Flattening(nn.Module):
    """Convolutions, batch normalisation and average pooling, with one activation for all."""

    def __init__(self, n_classes=3, n_channels=3, width=8):
        super().__init__()
        self.first = nn.Conv2d(n_channels, width, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.activation = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x):
        n = x.size(0)
        x = self.activation(self.norm(self.first(x)))
        x = self.activation(self.second(x))
        # Flatten by the number of the input's images, as many networks do.
        return self.head(self.pool(x).view(n, -1))


def pretrained_network(n_classes=3, seed=0):
    """Return a network whose batch normalisation statistics differ from their initial values."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = Flattening(n_classes)
        for parameter in module.head.parameters():
            parameter.data.mul_(10)
        module.norm.running_mean.normal_()
        module.norm.running_var.uniform_(0.5, 2)
    return module.train()


class Colours(nn.Module):
    """A network that finds colours: one class for each, by its share of the image."""

    colours = torch.tensor(
        [[0, 1, 1], [1.4, 0, 0], [1, 1, 0], [0, 1.4, 0], [0, 0, 1], [0.7, 0, 1.4]]
    )

    def __init__(self):
        super().__init__()
        units = self.colours / self.colours.norm(dim=1, keepdim=True)
        self.blur = nn.AvgPool2d(4)
        self.match = nn.Conv2d(3, 6, 1)
        self.match.weight.data = 3 * (units - units.mean(0))[:, :, None, None]
        self.match.bias.data.zero_()
        self.activation = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(6, 6)
        self.head.weight.data = 8 * torch.eye(6)
        self.head.bias.data.zero_()

    def forward(self, x):
        return self.head(self.pool(self.activation(self.match(self.blur(x)))).flatten(1))
