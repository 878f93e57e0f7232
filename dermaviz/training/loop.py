"""Training: the one loop, on Hugging Face Accelerate: one CPU, one GPU or several processes, resumable anywhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from safetensors.torch import save_file
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from dermaviz.datasets.augment import render_views
from dermaviz.datasets.pack import Pack
from dermaviz.datasets.records import Dataset
from dermaviz.errors import RecipeError
from dermaviz.evaluation.metrics import balanced_accuracy, macro_f1, negative_log_likelihood
from dermaviz.models.classifier import central_square
from dermaviz.models.specs import architecture
from dermaviz.models.zoo import build
from dermaviz.training.losses import class_weights, loss_per_image
from dermaviz.training.memory import keep_freed_memory
from dermaviz.training.optimiser import learning_rate_factor, make_optimiser
from dermaviz.training.recipe import Recipe
from dermaviz.training.run_state import Progress, append_metrics, claim_run, restore_state, save_state
from dermaviz.training.sampling import BatchSource, generator_at

BEST = "best.safetensors"


@dataclass(frozen=True)
class TrainingData:
    """Packed images with the training and validation records that lie in them."""

    pack: Pack
    train: Dataset
    validation: Dataset


class Trainer:
    """One run: the networks, the optimiser and the progress that a saved state restores."""

    def __init__(self, recipe: Recipe, data: TrainingData, run: Path, accelerator: Accelerator | None = None) -> None:
        keep_freed_memory()
        self.recipe, self.run = recipe, run
        self.accelerator = accelerator or Accelerator(
            mixed_precision=precision(recipe), cpu=not torch.cuda.is_available()
        )
        torch.manual_seed(recipe.seed)
        row = architecture(recipe.model.architecture)
        self.mean, self.std = (torch.tensor(v).view(1, 3, 1, 1).to(self.device) for v in (row.mean, row.std))
        settings = recipe.model
        network = build(
            settings.architecture,
            len(data.train.classes),
            settings.weights,
            dropout=settings.dropout,
            drop_path=settings.drop_path,
        )
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        freeze(network, settings.frozen)
        self.network, self.optimiser = self.accelerator.prepare(network, make_optimiser(network, recipe.optimiser))
        self.ema = ModelEmaV3(network, decay=recipe.ema, use_warmup=True, warmup_power=0.75) if recipe.ema else None
        self.progress = Progress()
        self.accelerator.register_for_checkpointing(self.progress, *([self.ema] if self.ema else []))
        labels = np.array(data.train.label_indices, dtype=np.int64)
        self.weights = class_weights(torch.from_numpy(labels), len(data.train.classes), recipe.loss.class_weight_power)
        self.weights = self.weights.to(self.device)
        world = self.accelerator.num_processes
        self.source = BatchSource(
            data.pack.images,
            data.pack.rows(data.train),
            labels,
            recipe.augmentation,
            recipe.sampler,
            recipe.batch_size // world * world,
            recipe.seed,
            self.accelerator.process_index,
            world,
        )
        self.validation = Validation(
            data.pack.images, data.pack.rows(data.validation), np.array(data.validation.label_indices)
        )

    @property
    def device(self) -> torch.device:
        """Where the batches go."""
        return self.accelerator.device

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and kept: the averaged one where there is one."""
        return self.ema.module if self.ema else self.accelerator.unwrap_model(self.network)

    def fit(self) -> None:
        """Train from wherever the saved state left off to the last epoch, or until patience is over."""
        claim_run(self.run, self.recipe.sha256)
        if restore_state(self.accelerator, self.run):
            self.progress.sittings += 1
            self.say(f"resuming at epoch {self.progress.epoch + 1}, batch {self.progress.step + 1}")
        progress, patience = self.progress, self.recipe.patience
        while progress.epoch < self.recipe.epochs:
            if patience and progress.best_epoch >= 0 and progress.epoch - 1 - progress.best_epoch >= patience:
                self.say(f"no gain in {patience} epochs: stopped")
                break
            self.train_epoch()
            self.finish_epoch()

    def train_epoch(self) -> None:
        """The batches of one epoch, from ``progress.step`` on."""
        progress, size, steps = self.progress, self.recipe.size_at(self.progress.epoch), self.source.steps()
        saved = started = time.monotonic()
        bar = tqdm(
            self.source.epoch(progress.epoch, progress.step),
            initial=progress.step,
            total=steps,
            desc=f"epoch {progress.epoch + 1}/{self.recipe.epochs} at {size} px",
            unit=" batches",
            disable=not self.accelerator.is_main_process,
        )
        for batch in bar:
            self.set_learning_rate(progress.epoch * steps + progress.step)
            progress.loss_sum += self.train_step(batch.images, batch.views, batch.labels, size)
            progress.step += 1
            bar.set_postfix(loss=f"{progress.loss_sum / progress.step:.3f}", refresh=False)
            now = time.monotonic()
            due = torch.tensor(now - saved > 60 * self.recipe.save_minutes, device=self.device)
            if progress.step < steps and self.agreed(due):
                progress.seconds, started = progress.seconds + now - started, now
                save_state(self.accelerator, self.run, progress, progress.epoch * steps + progress.step)
                saved = time.monotonic()
        progress.seconds += time.monotonic() - started

    def train_step(self, images: Tensor, views: Tensor, labels: Tensor, size: int) -> float:
        """One optimiser step; returns the mean loss of this process's images."""
        progress = self.progress
        torch.manual_seed(generator_at(self.recipe.seed, progress.epoch, progress.step, 2).initial_seed())
        self.network.train()
        still(
            self.accelerator.unwrap_model(self.network), self.recipe.model.frozen, self.recipe.model.freeze_batch_norm
        )
        seen = render_views(images.to(self.device, non_blocking=True), views, size)
        seen = ((seen - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        with self.accelerator.autocast():
            logits = self.network(seen)
        loss = loss_per_image(logits, labels.to(self.device), self.weights, self.recipe.loss).mean()
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        if self.recipe.optimiser.clip:
            self.accelerator.clip_grad_norm_(self.network.parameters(), self.recipe.optimiser.clip)
        self.optimiser.step()
        if self.ema:
            step = progress.epoch * self.source.steps() + progress.step
            self.ema.update(self.accelerator.unwrap_model(self.network), step=step)
        return float(loss.detach())

    def finish_epoch(self) -> None:
        """Validate, keep the weights if they are the best so far, write the epoch's line, and save the state."""
        progress, steps = self.progress, self.source.steps()
        started = time.monotonic()
        figures = self.validate(self.recipe.size_at(progress.epoch))
        mean_loss = torch.tensor(progress.loss_sum / max(progress.step, 1), device=self.device)
        train_loss = float(self.accelerator.reduce(mean_loss, "mean"))
        score = -figures["loss"] if self.recipe.select_by == "loss" else figures[self.recipe.select_by]
        epoch, kept = progress.epoch, score > progress.best
        if kept:
            progress.best, progress.best_epoch = score, epoch
        progress.seconds += time.monotonic() - started
        line = {
            "epoch": epoch + 1,
            "size": self.recipe.size_at(epoch),
            "train_loss": train_loss,
            **figures,
            "kept": kept,
        }
        progress.epoch, progress.step, progress.loss_sum = epoch + 1, 0, 0.0
        if self.accelerator.is_main_process:
            if kept:
                write_weights(self.judged, self.run / BEST)
            append_metrics(self.run, {**line, "seconds": round(progress.seconds, 1)})
        self.say("  ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in line.items()))
        save_state(self.accelerator, self.run, progress, (epoch + 1) * steps)

    def validate(self, size: int) -> dict[str, float]:
        """Figures of the judged network on the validation images, the same on every process."""
        network = self.judged.eval()
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        parts = [part.softmax(1) for part in self.validation.logits(self, network, size, rank, world)]
        mine = torch.cat(parts) if parts else torch.empty(0, len(self.weights), device=self.device)
        padded = self.accelerator.pad_across_processes(mine, dim=0, pad_index=float("nan"))
        gathered = self.accelerator.gather(padded).cpu().numpy().reshape(world, -1, len(self.weights))
        interleaved = gathered.transpose(1, 0, 2).reshape(-1, len(self.weights))[: len(self.validation.labels)]
        labels = self.validation.labels
        return {
            "loss": negative_log_likelihood(labels, interleaved),
            "balanced_accuracy": balanced_accuracy(labels, interleaved),
            "macro_f1": macro_f1(labels, interleaved),
        }

    def set_learning_rate(self, step: int) -> None:
        """Learning rate of every group at ``step``, counted over the whole run."""
        factor = learning_rate_factor(step, self.source.steps(), self.recipe)
        optimiser: Optimizer = self.optimiser
        for group in optimiser.param_groups:
            group["lr"] = group["highest_lr"] * factor

    def agreed(self, due: Tensor) -> bool:
        """Whether the main process finds that something is due; all processes get the same answer."""
        return bool(self.accelerator.gather(due.reshape(1))[0])

    def say(self, text: str) -> None:
        """One line on the screen, from the main process."""
        if self.accelerator.is_main_process:
            tqdm.write(text)


@dataclass(frozen=True)
class Validation:
    """The validation images: rows of a packed array with their labels."""

    images: NDArray[np.uint8]
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]

    def logits(self, trainer: Trainer, network: nn.Module, size: int, rank: int, world: int) -> Iterable[Tensor]:
        """Logits of this process's stride of the images, batch by batch, seen as a classifier sees them."""
        mine = self.rows[rank::world]
        for first in range(0, len(mine), 64):
            images = torch.from_numpy(self.images[mine[first : first + 64]])
            seen = central_square(images, size).permute(0, 3, 1, 2).to(trainer.device).float().div_(255)
            seen = ((seen - trainer.mean) / trainer.std).contiguous(memory_format=torch.channels_last)
            with torch.no_grad(), trainer.accelerator.autocast():
                yield network(seen).float()


def precision(recipe: Recipe) -> str:
    """Accelerate's name of the arithmetic: ``auto`` is bf16 (else fp16) on a GPU and fp32 on a CPU."""
    if recipe.precision != "auto":
        return {"fp32": "no"}.get(recipe.precision, recipe.precision)
    if not torch.cuda.is_available():
        return "no"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"


def freeze(network: nn.Module, names: Iterable[str]) -> None:
    """Exclude the named modules' parameters from training.

    Raises:
        RecipeError: the network has no module of that name.
    """
    for module in named_modules(network, names):
        module.requires_grad_(False)


def still(network: nn.Module, names: Iterable[str], batch_norm: bool) -> None:
    """Put the frozen modules, and with ``batch_norm`` every batch norm, in eval mode: their statistics stay."""
    for module in named_modules(network, names):
        module.eval()
    if batch_norm:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def named_modules(network: nn.Module, names: Iterable[str]) -> list[nn.Module]:
    """The modules of these dotted names."""
    modules = dict(network.named_modules())
    absent = [name for name in names if name not in modules]
    if absent:
        top = ", ".join(name for name, _ in network.named_children())
        raise RecipeError(f"model.frozen: expected names of modules, found {absent}. This network's outermost: {top}.")
    return [modules[name] for name in names]


def write_weights(network: nn.Module, path: Path) -> None:
    """Write the weights under a temporary name and rename last."""
    state: dict[str, Any] = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    unfinished = path.with_suffix(".tmp")
    save_file(state, unfinished)
    unfinished.replace(path)
