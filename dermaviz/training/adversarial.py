"""Training: images made harder for the network that learns from them — noise, then one adversarial step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dermaviz.training.recipe import DefenceRecipe


def harden(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    mean: Tensor,
    std: Tensor,
    defence: DefenceRecipe,
    generator: torch.Generator,
) -> Tensor:
    """Noise of a random size, then one signed gradient step from a random start, within ε and within [0, 1].

    Single-step adversarial training with a random start: Wong, Rice and Kolter, "Fast is better than free", ICLR 2020,
    algorithm 3. The step is taken on the network in eval mode, so batch statistics and dropout are none of its business.

    Args:
        network: takes normalised images; its mode and its gradients are left as they were.
        images: float32 ``[N, 3, S, S]`` in [0, 1]. labels: int64 ``[N]``.
        mean, std: float32 ``[1, 3, 1, 1]``.
        generator: draws noise and start, on the CPU, so that every device trains on the same images.

    Returns:
        float32 ``[N, 3, S, S]`` in [0, 1].
    """

    def drawn(shape: torch.Size | tuple[int, ...], normal: bool = False) -> Tensor:
        draw = torch.randn if normal else torch.rand
        return draw(shape, generator=generator).to(images.device)

    if defence.noise:
        sizes = drawn((len(images), 1, 1, 1)) * defence.noise
        images = (images + sizes * drawn(images.shape, normal=True)).clamp(0, 1)
    if not defence.epsilon:
        return images
    start = ((2 * drawn(images.shape) - 1) * defence.epsilon).requires_grad_(True)
    training = network.training
    network.eval()
    with torch.enable_grad():
        seen = (((images + start).clamp(0, 1) - mean) / std).contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(network(seen).float(), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, start)
    network.train(training)
    change = (start.detach() + defence.step * defence.epsilon * gradient.sign()).clamp(
        -defence.epsilon, defence.epsilon
    )
    return (images + change).clamp(0, 1)
