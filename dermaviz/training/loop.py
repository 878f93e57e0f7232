"""Training: the one loop, on Hugging Face Accelerate: one CPU, one GPU or several processes, resumable anywhere."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import save
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from tqdm import tqdm

from dermaviz.data.augment import render_views
from dermaviz.data.pack import Pack
from dermaviz.data.records import Dataset
from dermaviz.errors import DatasetError, RecipeError
from dermaviz.io import atomic_write
from dermaviz.models.classifier import keep_freed_memory
from dermaviz.models.specs import architecture, fixed_size
from dermaviz.models.zoo import build
from dermaviz.training.batches import BatchSource, generator_at
from dermaviz.training.optimisation import (
    after_epoch,
    class_weights,
    freeze,
    frozen_in_eval,
    frozen_names,
    harden,
    learning_rate_factor,
    loss_per_image,
    make_optimiser,
)
from dermaviz.training.progress import Progress, Validation, append_metrics, claim_run, restore_state, save_state
from dermaviz.training.recipe import Recipe

BEST = "best.safetensors"


@dataclass(frozen=True)
class TrainingData:
    """Packed images with the training and validation records that lie in them; neither may be empty."""

    pack: Pack
    train: Dataset
    validation: Dataset

    def __post_init__(self) -> None:
        for split in ("train", "validation"):
            if not len(getattr(self, split)):
                raise DatasetError(f"expected {split} images, found none. Give a manifest that has some in this split.")


class Trainer:
    """One run: the networks, the optimiser and the progress that a saved state restores."""

    def __init__(self, recipe: Recipe, data: TrainingData, run: Path, accelerator: Accelerator | None = None) -> None:
        keep_freed_memory()
        self.recipe, self.run = recipe, run
        self.accelerator = accelerator or Accelerator(
            mixed_precision=precision(recipe), cpu=not torch.cuda.is_available()
        )
        row = architecture(recipe.model.architecture)  # may build a network to look at: before the seed is set
        only, sizes = fixed_size(row.name), sorted({stage.size for stage in recipe.stages})
        if only and sizes != [only]:
            raise RecipeError(
                f"stages: expected {only} pixels in every stage, the only size that {row.name} takes, found "
                f"{', '.join(map(str, sizes))}. Correct the sizes, or choose a network that takes any."
            )
        torch.manual_seed(recipe.seed)
        self.mean, self.std = (torch.tensor(v).view(1, 3, 1, 1).to(self.device) for v in (row.mean, row.std))
        settings = recipe.model
        network = build(
            settings.architecture,
            len(data.train.classes),
            settings.weights,
            dropout=settings.dropout,
            drop_path=settings.drop_path,
            classes=data.train.classes,
            say=tqdm.write if self.accelerator.is_main_process else lambda sentence: None,
        )
        network = network.to(memory_format=torch.channels_last)
        self.frozen = frozen_names(network, settings)
        freeze(network, self.frozen)
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
            recipe.data.equalise,
        )
        if not self.source.batch_size or not self.source.steps():
            raise RecipeError(
                f"batch_size: expected between {world} (one image a process) and {len(labels)} (the training images), "
                f"found {recipe.batch_size}."
            )
        self.validation = Validation(
            data.pack.images,
            data.pack.rows(data.validation),
            np.array(data.validation.label_indices),
            row,
            recipe.data.equalise,
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
        with self.accelerator.main_process_first():
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
            factor = self.rate_factor(progress.epoch * steps + progress.step)
            for group in self.optimiser.param_groups:
                group["lr"] = group["highest_lr"] * factor
            loss = self.train_step(batch.images, batch.views, batch.labels, size)
            now = time.monotonic()
            loss, due = self.agreed(loss, now - saved > 60 * self.recipe.save_minutes)
            progress.loss_sum += loss
            progress.step += 1
            bar.set_postfix(loss=f"{progress.loss_sum / progress.step:.3f}", refresh=False)
            if progress.step < steps and due:
                progress.seconds, started = progress.seconds + now - started, now
                save_state(self.accelerator, self.run, progress, progress.epoch * steps + progress.step)
                saved = time.monotonic()
        progress.seconds += time.monotonic() - started

    def train_step(self, images: Tensor, views: Tensor, labels: Tensor, size: int) -> float:
        """Learn from one batch, seen as its views say; returns the mean loss of this process's images."""
        try:
            return self.learn(self.view(images, views, labels, size), labels)
        except (RuntimeError, ValueError, IndexError) as error:
            raise RecipeError(
                f"stages: expected a size, batch_size and optimiser that {self.recipe.model.architecture} takes, found "
                f"{size} px, {len(labels)} images and {self.recipe.optimiser.name}: {' '.join(str(error).split())[:300]}"
            ) from error

    def view(self, images: Tensor, views: Tensor, labels: Tensor, size: int) -> Tensor:
        """Views of packed images as the network takes them: normalised float32 ``[n, 3, size, size]`` on the device."""
        seen = render_views(images.to(self.device, non_blocking=True), views, size)
        defence, progress = self.recipe.defence, self.progress
        if defence.epsilon or defence.noise:
            key = (self.recipe.seed, progress.epoch, progress.step, 3, self.accelerator.process_index)
            network = self.accelerator.unwrap_model(self.network)
            labels = labels.to(self.device)
            seen = harden(network, seen, labels, self.mean, self.std, defence, generator_at(*key))
        return seen.sub_(self.mean).div_(self.std).contiguous(memory_format=torch.channels_last)

    def learn(self, seen: Tensor, labels: Tensor) -> float:
        """One optimiser step on normalised inputs, float32 ``[n, 3, size, size]``; returns their mean loss."""
        progress = self.progress
        rank = self.accelerator.process_index  # its images are others, so its dropout must be another
        key = (self.recipe.seed, progress.epoch, progress.step, 2, *([rank] if rank else []))
        torch.manual_seed(generator_at(*key).initial_seed())
        self.network.train()
        frozen_in_eval(self.accelerator.unwrap_model(self.network), self.frozen, self.recipe.model.freeze_batch_norm)
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
        figures = self.validation.figures(
            self.accelerator, self.judged, self.recipe.size_at(progress.epoch), len(self.weights)
        )
        train_loss = progress.loss_sum / max(progress.step, 1)
        if not math.isfinite(train_loss):
            raise RecipeError(
                f"expected a finite training loss, found {train_loss} in epoch {progress.epoch + 1}. Lower "
                f"optimiser.learning_rate or set optimiser.clip, and remove {self.run} to start over."
            )
        score = {**figures, "loss": -figures["loss"], "last": float(progress.epoch)}[self.recipe.select_by]
        epoch, last = progress.epoch, progress.epoch * steps + progress.step - 1
        rate = self.recipe.optimiser.learning_rate * self.rate_factor(last)
        kept = self.gains(score)
        progress.seconds += time.monotonic() - started
        line = {
            "epoch": epoch + 1,
            "size": self.recipe.size_at(epoch),
            "learning_rate": rate,
            "train_loss": train_loss,
            **figures,
            "kept": kept,
        }
        progress.epoch, progress.step, progress.loss_sum = epoch + 1, 0, 0.0
        if self.accelerator.is_main_process:
            if kept:
                state = {key: value.detach().cpu().contiguous() for key, value in self.judged.state_dict().items()}
                atomic_write(self.run / BEST, save(state), error=RecipeError)
            append_metrics(self.run, {**line, "seconds": round(progress.seconds, 1)})
        self.say("  ".join(f"{k} {v:.4f}" if isinstance(v, float) else f"{k} {v}" for k, v in line.items()))
        save_state(self.accelerator, self.run, progress, (epoch + 1) * steps)

    def gains(self, score: float) -> bool:
        """Whether this epoch's score is the best so far; a schedule that waits on plateaus takes note."""
        progress = self.progress
        best = score > progress.best
        if best:
            progress.best, progress.best_epoch = score, progress.epoch
        settings = self.recipe.optimiser
        progress.plateau, progress.waited = after_epoch(best, progress.plateau, progress.waited, settings)
        return best

    def rate_factor(self, step: int) -> float:
        """Share of its highest learning rate that every group has at ``step``, counted over the whole run."""
        return learning_rate_factor(step, self.source.steps(), self.recipe, self.progress.plateau)

    def agreed(self, loss: float, due: bool) -> tuple[float, bool]:
        """The mean of all processes' losses, and whether the main one finds that saving is due: the same on each of them."""
        all_said = self.accelerator.gather(torch.tensor([[loss, due]], dtype=torch.float32, device=self.device))
        return float(all_said[:, 0].mean()), bool(all_said[0, 1])

    def say(self, text: str) -> None:
        """One line on the screen, from the main process."""
        if self.accelerator.is_main_process:
            tqdm.write(text)


def precision(recipe: Recipe) -> str:
    """Accelerate's name of the arithmetic: ``auto`` is bf16 (else fp16) on a GPU and fp32 on a CPU."""
    if recipe.precision == "fp16" and not torch.cuda.is_available():
        raise RecipeError("precision: expected bf16, fp32 or auto where there is no GPU, found fp16.")
    if recipe.precision != "auto":
        return {"fp32": "no"}.get(recipe.precision, recipe.precision)
    if not torch.cuda.is_available():
        return "no"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
