"""What is one update? Loss, schedule, accumulation, clipping, validation, logging, stopping and going on."""

import contextlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from transformer_mt import alignment, files
from transformer_mt.batches import Batch, BatchSampler, length_batches, make_batch
from transformer_mt.config import Config, Schedule, TrainConfig, UserError
from transformer_mt.corpus import Corpus, Pair, lengths
from transformer_mt.decoding import search
from transformer_mt.fast import label_smoothed_loss
from transformer_mt.run_dir import (
    WEIGHTS,
    DamagedError,
    average,
    build_model,
    checkpoint_path,
    checkpoint_steps,
    load_tensors,
    prune_checkpoints,
    put_weights,
    save_tensors,
    weights_of,
)
from transformer_mt.runtime import (
    autocast,
    choose_device,
    choose_dtype,
    gathered,
    interleaved,
    rank,
    totals,
    world_size,
)
from transformer_mt.scoring import corpus_bleu
from transformer_mt.steps import Decoder


def learning_rate(step: int, progress: float, config: TrainConfig) -> float:
    """The learning rate of update `step` (from 1), when the fraction `progress` of the run's limits is spent.

    A linear rise over `warmup_steps`, then for `inverse_sqrt` lr * sqrt(warmup_steps / step), which is the paper's
    equation 3 when lr = (d_model * warmup_steps)^-0.5, and for `cosine` lr * (1 + cos(pi * progress)) / 2.
    """
    warmup = step / config.warmup_steps
    if config.schedule is Schedule.inverse_sqrt:
        return config.lr * min(warmup, 1 / math.sqrt(warmup))
    return config.lr * min(warmup, (1 + math.cos(math.pi * min(1.0, progress))) / 2)


@dataclass
class State:
    """Where a run stands; saved with every checkpoint."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of this epoch that are done."""
    seconds: float = 0.0
    best_bleu: float = -1.0
    best_step: int = 0
    average_bleu: float = -1.0
    """Of the average that is in use; -1 = none."""
    bad_validations: int = 0
    loss_sum: float = 0.0
    """Since the last logged event, like the next two."""
    n_tokens: int = 0
    log_seconds: float = 0.0
    n_logged: int = 0
    """Lines of `metrics.jsonl`."""
    finished: bool = False
    """The weights to use have been chosen."""
    saved_step: int = -1
    """Of the newest checkpoint."""


@dataclass
class Stop:
    """Remembers a signal to stop, so that the loop can end between two updates."""

    signal: int = 0
    old: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> "Stop":
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # as a shell has it in `… &`
                self.old[number] = signal.signal(number, self.note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.old.items():
            signal.signal(number, handler)

    def note(self, number: int, _: object) -> None:
        self.signal = number
        if (
            world_size() == 1
        ):  # a second one acts at once; torchrun itself may repeat one, and kills those that hang
            signal.signal(number, self.old[number])


class Trainer:
    """One training run in `config.run_dir`."""

    def __init__(self, config: Config, corpus: Corpus) -> None:
        self.config = config
        self.corpus = corpus
        self.run_dir = Path(config.run_dir)
        self.device = choose_device(config.train.device)
        self.dtype = choose_dtype(config.train.precision, self.device, training=True)
        torch.manual_seed(config.train.seed)
        self.model = build_model(config, corpus.src_tokenizer, corpus.tgt_tokenizer).to(self.device)
        self.forward: Any = torch.compile(self.model) if config.train.compile else self.model
        if world_size() > 1:
            self.forward = DistributedDataParallel(self.forward)
            self.forward.broadcast_buffers = (
                False  # constants; the option of that name is deprecated from torch 2.13
            )
            torch.manual_seed(config.train.seed + rank())  # each draws its own dropout
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), betas=(0.9, 0.98), eps=1e-9, fused=self.device.type != "mps"
        )
        self.sampler = BatchSampler(
            lengths(corpus.train, "src_ids"),
            lengths(corpus.train, "tgt_ids"),
            config.train.token_budget,
            config.train.seed,
        )
        self.state = State()

    def describe(self, n_batches: int) -> str:
        """One line: what is trained, on what."""
        n_parameters = sum(parameter.numel() for parameter in self.model.parameters())
        vocabularies = (
            f"{len(self.corpus.src_tokenizer):,} + {len(self.corpus.tgt_tokenizer):,} pieces"
        )
        arithmetic = "bf16" if self.dtype is torch.bfloat16 else "fp32"
        return (
            f"{self.config.model.name}, {self.config.direction}: {n_parameters / 1e6:.1f} million parameters, "
            f"{vocabularies}, {self.device} {arithmetic}, {n_batches:,} updates per epoch"
        )

    # ------------------------------------------------------------------------------------------ one update

    def load_batch(self, rows: np.ndarray, batch: int) -> list[Batch]:
        """This process's micro-batches of an update, segmented afresh where subword sampling is on."""
        share = rows[rank() :: world_size()]
        data = self.corpus.train[share if len(share) else rows[:1]]
        src, tgt = self.corpus.src_tokenizer, self.corpus.tgt_tokenizer
        src_ids, tgt_ids = data["src_ids"], data["tgt_ids"]
        alpha = self.config.tokenizer.sampling_alpha
        if alpha > 0:
            seeds = np.random.SeedSequence(
                (self.config.train.seed, self.state.epoch, batch)
            ).generate_state(2)
            limit = (
                self.config.model.max_len
            )  # a sampled segmentation that grows too long gives way to the best one
            sampled = src.sample(data["src"], alpha, int(seeds[0]))
            src_ids = [
                new if len(new) <= limit else old for new, old in zip(sampled, src_ids, strict=True)
            ]
            sampled = tgt.sample(data["tgt"], alpha, int(seeds[1]))
            tgt_ids = [
                new if len(new) <= limit else old for new, old in zip(sampled, tgt_ids, strict=True)
            ]
        n = min(self.config.train.accumulate, len(src_ids))
        found = [
            make_batch(src_ids[i::n], tgt_ids[i::n], src.pad_id, tgt.pad_id, tgt.bos_id)
            for i in range(n)
        ]
        if not len(share):  # fewer rows than processes: one takes part without a token of its own
            found[0].positions.zero_()
        return found

    def loss(self, batch: Batch) -> Tensor:
        """Summed loss of a batch, real target tokens only; smoothed in training, where gradients are exchanged."""
        forward, smoothing = self.forward, self.config.train.label_smoothing
        if not self.model.training:
            forward, smoothing = self.model, 0.0
        with autocast(self.device, self.dtype):
            states = forward(batch.src, batch.tgt_in, batch.positions)
            targets, pad_id = batch.tgt_out[batch.positions], self.corpus.tgt_tokenizer.pad_id
            return label_smoothed_loss(states, self.model.output.weight, targets, smoothing, pad_id)

    def update(self, micro_batches: list[Batch], lr: float) -> tuple[float, int, float]:
        """One optimizer step: gradients of the summed loss over all micro-batches of all processes, divided by their
        tokens once.

        Returns:
            The summed loss, its tokens, and the norm of the gradient before clipping.
        Raises:
            UserError: the loss or its gradient is not finite; the weights are as before.
        """
        self.model.train()
        n_tokens = int(totals([sum(batch.n_tokens for batch in micro_batches)], self.device)[0])
        total = torch.zeros((), device=self.device)
        for i, batch in enumerate(micro_batches):
            wait = world_size() > 1 and i + 1 < len(micro_batches)
            with (
                self.forward.no_sync() if wait else contextlib.nullcontext()
            ):  # only the last one sends gradients
                loss = self.loss(batch.to(self.device))
                torch.autograd.backward(
                    loss * world_size() / n_tokens
                )  # sent gradients are averaged, not summed
            total += loss.detach()
        norm = float(
            torch.nn.utils.clip_grad_norm_(
                self.model.parameters(), self.config.train.clip_norm or math.inf
            )
        )
        (loss_sum,) = totals([float(total)], self.device)
        if not math.isfinite(loss_sum + norm):
            self.optimizer.zero_grad()
            raise UserError(
                f"the loss is {loss_sum}, the norm of its gradient {norm} at step {self.state.step + 1} (epoch "
                f"{self.state.epoch + 1}, batch {self.state.batch + 1}); the update was not made. Try a lower "
                f"train.lr={self.config.train.lr:g}, train.clip_norm, or train.precision=fp32."
            )
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss_sum, n_tokens, norm

    # ------------------------------------------------------------------------------------------ validation

    def translate(self, texts: list[str]) -> list[str]:
        """Greedy translations, for watching the run; each process makes its share."""
        src, tgt, limit = (
            self.corpus.src_tokenizer,
            self.corpus.tgt_tokenizer,
            self.config.model.max_len,
        )
        ids = [
            [*row[:-1][: limit - 1], src.eos_id]
            for row in src.encode(texts[rank() :: world_size()])
        ]
        self.model.eval()
        decoder = Decoder(self.model, self.dtype is torch.bfloat16)
        with autocast(self.device, self.dtype):
            found = search(
                decoder,
                ids,
                tgt.bos_id,
                tgt.eos_id,
                [tgt.pad_id, tgt.unk_id, tgt.bos_id],
                1,
                0.0,
                4096,
            )
        return interleaved(tgt.decode([hypotheses[0].ids for hypotheses in found]))

    @torch.inference_mode()
    def validation_loss(self, pairs: list[Pair]) -> tuple[float, int, int]:
        """Summed loss without smoothing, its tokens, and the characters of the targets; too long pairs left out; each
        process does its share."""
        pairs = pairs[rank() :: world_size()]
        src, tgt, limit = (
            self.corpus.src_tokenizer,
            self.corpus.tgt_tokenizer,
            self.config.model.max_len,
        )
        src_ids, tgt_ids = src.encode([p.src for p in pairs]), tgt.encode([p.tgt for p in pairs])
        longest = [max(len(s), len(t)) for s, t in zip(src_ids, tgt_ids, strict=True)]
        fitting = [i for i, n in enumerate(longest) if n <= limit]
        self.model.eval()
        total, n_tokens, n_characters = 0.0, 0, sum(len(pairs[i].tgt) for i in fitting)
        for group in length_batches([longest[i] for i in fitting], max(limit, 4096)):
            rows = [fitting[i] for i in group]
            ids = [src_ids[i] for i in rows], [tgt_ids[i] for i in rows]
            batch = make_batch(*ids, src.pad_id, tgt.pad_id, tgt.bos_id)
            total += float(self.loss(batch.to(self.device)))
            n_tokens += batch.n_tokens
        total, *counts = totals([total, n_tokens, n_characters], self.device)
        return total, int(counts[0]), int(counts[1])

    @cached_property
    def golds(self) -> list[alignment.Gold]:
        """The validation pairs with gold links, but for those too long; raises UserError for links that do not fit."""
        src, tgt, found = self.corpus.src_tokenizer, self.corpus.tgt_tokenizer, []
        for number, pair in enumerate(self.corpus.valid, start=1):
            (src_ids,), (tgt_ids,) = src.encode([pair.src]), tgt.encode([pair.tgt])
            if pair.links and max(len(src_ids), len(tgt_ids)) <= self.config.model.max_len:
                sides = (
                    alignment.make_side(src, src_ids, "words"),
                    alignment.make_side(tgt, tgt_ids, "words"),
                )
                found.append(
                    alignment.make_gold(
                        *sides, pair.links, f"{self.run_dir / 'valid.tsv'}: line {number}"
                    )
                )
        return found

    def alignment_error(self) -> dict[str, float]:
        """The lowest alignment error rate of all choices of layer, head and shift; nothing without gold links."""
        if not self.golds or not self.config.train.log_aer:
            return {}
        if rank() > 0:
            return gathered(None)[0]
        self.model.eval()
        table = alignment.measure(
            self.model, self.golds, self.corpus.tgt_tokenizer.bos_id, alignment.BASE
        )
        rule = alignment.best(table)
        self.talk(f"    alignment error rate {table[rule].aer:.3f} ({rule})")
        return gathered({"aer": table[rule].aer})[0]

    def validate(self) -> dict[str, float]:
        """Loss, perplexity, greedy BLEU and alignment error rate on the validation split; shows a few translations."""
        pairs = self.corpus.valid
        loss, n_tokens, n_characters = self.validation_loss(pairs)
        hypotheses = self.translate([pair.src for pair in pairs])
        bleu = corpus_bleu(hypotheses, [pair.tgt for pair in pairs], self.config.tgt_language)
        for i in np.linspace(
            0, len(pairs) - 1, num=min(self.config.train.samples, len(pairs)), dtype=int
        ):
            self.talk(f"    {pairs[i].src:.200}\n  → {hypotheses[i]:.200}\n  = {pairs[i].tgt:.200}")
        nats = loss / max(1, n_tokens)
        return {
            "valid_loss": nats,
            "valid_perplexity": math.exp(min(nats, 700)),
            "valid_bits_per_character": loss / max(1, n_characters) / math.log(2),
            "bleu": bleu,
            **self.alignment_error(),
        }

    # ------------------------------------------------------------------------------------------ on disk

    def save(self) -> None:
        """A checkpoint to resume from; the one before it stays until this one is safe."""
        tensors = {f"model.{name}": value for name, value in weights_of(self.model).items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{key}.{name}"] = value
        random = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        for number, states in enumerate(gathered(random)):
            tensors |= {f"rng.{device}.{number}": state for device, state in states.items()}
        self.state.saved_step = self.state.step
        if rank() > 0:
            return
        metadata = {
            "state": asdict(self.state),
            "corpus": self.corpus.fingerprint,
            "threads": torch.get_num_threads(),
        }
        metadata["processes"] = world_size()
        save_tensors(checkpoint_path(self.run_dir, "state", self.state.step), tensors, metadata)
        prune_checkpoints(self.run_dir, "state", self.state.step, keep=2)

    def resume(self) -> None:
        """Go on from the newest checkpoint that is whole for all processes; raises UserError when none is."""
        steps = gathered(checkpoint_steps(self.run_dir, "state"))[0]
        while True:
            problem = ""
            try:
                self.load(steps.pop())
            except DamagedError as error:
                problem = str(error)
            problem = max(gathered(problem))
            if not problem:
                return
            if not steps:
                raise UserError(
                    f"{problem} No older checkpoint is left; start over with resume=false."
                )
            self.talk(f"warning: {problem} Going on from step {steps[-1]} instead.")

    def load(self, step: int) -> None:
        """Go back to the checkpoint of `step`, to the bit."""
        path = checkpoint_path(self.run_dir, "state", step)
        tensors, metadata = load_tensors(path)
        if not {"corpus", "state"} <= metadata.keys():
            raise DamagedError(f"{path}: not a checkpoint to resume from.")
        if metadata["corpus"] != self.corpus.fingerprint:
            raise UserError(
                f"{self.run_dir} was trained on another corpus or vocabulary than data.train={self.config.data.train} "
                f"gives. Choose another run_dir, or start over with resume=false."
            )
        for name, now in (("threads", torch.get_num_threads()), ("processes", world_size())):
            if metadata.get(name) != now:
                self.talk(
                    f"warning: {metadata.get(name)} {name} before, {now} now: equal to rounding only."
                )
        weights = {
            name.removeprefix("model."): t
            for name, t in tensors.items()
            if name.startswith("model.")
        }
        put_weights(self.model, weights, path)
        for name, parameter in self.model.named_parameters():
            keys = ("step", "exp_avg", "exp_avg_sq")
            if f"optimizer.step.{name}" in tensors:
                self.optimizer.state[parameter] = {
                    key: tensors[f"optimizer.{key}.{name}"].to(parameter.device) for key in keys
                }
        self.state = State(**metadata["state"])
        torch.manual_seed(
            self.config.train.seed + rank() + self.state.step
        )  # of a process that was not there before
        if (name := f"rng.cpu.{rank()}") in tensors:
            torch.set_rng_state(tensors[name])
        if self.device.type == "cuda" and (name := f"rng.cuda.{rank()}") in tensors:
            torch.cuda.set_rng_state(tensors[name], self.device)
        self.cut_metrics()

    def cut_metrics(self) -> None:
        """Drop what was logged after the checkpoint."""
        path = self.run_dir / "metrics.jsonl"
        if rank() == 0 and path.is_file():
            kept: list[str] = []
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines(
                keepends=True
            ):
                with contextlib.suppress(ValueError):  # half a line, or rubbish after a power cut
                    if (
                        len(kept) < self.state.n_logged
                        and line.endswith("\n")
                        and isinstance(json.loads(line), dict)
                    ):
                        kept.append(line)
            files.write_text(path, "".join(kept))
            self.state.n_logged = len(kept)

    def log(self, **values: float) -> None:
        """One line of `metrics.jsonl`."""
        if rank() > 0:
            return
        rounded = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in values.items()}
        with open(self.run_dir / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": self.state.step, **rounded}) + "\n")
            file.flush()
            os.fsync(file.fileno())  # before a checkpoint that counts this line
        self.state.n_logged += 1
        if self.tensorboard is not None:
            for name, value in values.items():
                self.tensorboard.add_scalar(name, value, self.state.step)

    @cached_property
    def tensorboard(self) -> Any:
        """A TensorBoard writer; None without the extra."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return None
        return SummaryWriter(str(self.run_dir / "tensorboard"))

    def talk(self, message: str) -> None:
        """A line for the person who watches, above the progress bar."""
        if rank() == 0:
            tqdm.write(message, file=sys.stderr)

    # ------------------------------------------------------------------------------------------ the run

    def progress(self, n_batches: int) -> float:
        """The largest spent fraction of the limits."""
        state, limits = self.state, self.config.train
        epochs = state.epoch + state.batch / n_batches
        spent = {"max_steps": state.step, "max_epochs": epochs, "max_minutes": state.seconds / 60}
        return max(
            value / getattr(limits, name)
            for name, value in spent.items()
            if getattr(limits, name) is not None
        )

    def is_over(self, n_batches: int) -> bool:
        patience = self.config.train.patience
        return self.progress(n_batches) >= 1 or 0 < patience <= self.state.bad_validations

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Counts the time spent inside, the same in all processes, so that they stop at the same update."""
        start = time.perf_counter()
        yield
        self.state.seconds += totals([time.perf_counter() - start], self.device)[0] / world_size()

    def is_stopped(self, stop: Stop) -> bool:
        """Whether any process heard a signal to stop."""
        if totals([stop.signal], self.device)[0]:
            stop.signal = stop.signal or signal.SIGTERM
        return stop.signal > 0

    def train(self) -> int:
        """Train to the first limit and choose the weights to use.

        Returns:
            0, or 128 plus the signal that stopped the run.
        Raises:
            UserError: the loss is not finite.
        """
        state = self.state
        batches = self.sampler.epoch(state.epoch)
        self.talk(self.describe(len(batches)))
        if state.finished and self.is_over(len(batches)):
            self.talk(
                f"{self.run_dir} is complete after {state.step} steps; a higher limit goes on."
            )
            return 0
        _ = self.golds  # a link that does not fit is told now, not after hours
        form = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining} {postfix}"
        with Stop() as stop:
            with tqdm(
                total=1000, bar_format=form, file=sys.stderr, dynamic_ncols=True, disable=rank() > 0
            ) as bar:
                self.show(bar, len(batches))
                while not self.is_over(len(batches)) and not self.is_stopped(stop):
                    self.one_step(batches)
                    if state.batch == len(batches):
                        state.epoch, state.batch = state.epoch + 1, 0
                        batches = self.sampler.epoch(state.epoch)
                    over = self.is_over(len(batches))
                    if over or state.step % self.config.train.validate_every == 0:
                        with self.timed():
                            self.on_validation()
                        self.save()
                    elif state.step % self.config.train.checkpoint_every == 0:
                        self.save()
                    self.show(bar, len(batches))
            if self.is_stopped(stop):
                if state.saved_step != state.step:
                    self.save()
                self.talk(f"stopped at step {state.step}; run the same command to go on.")
                return 128 + stop.signal
            if not state.finished:
                if state.best_step == 0:  # a limit was lowered to before the first validation
                    with self.timed():
                        self.on_validation()
                self.finish()
        return 0

    def one_step(self, batches: list[np.ndarray]) -> None:
        """Read a batch, update, log."""
        state = self.state
        before = state.seconds
        with self.timed():
            micro_batches = self.load_batch(batches[state.batch], state.batch)
            lr = learning_rate(state.step + 1, self.progress(len(batches)), self.config.train)
            loss_sum, n_tokens, grad_norm = self.update(micro_batches, lr)
        state.step += 1
        state.batch += 1
        state.finished = False
        state.loss_sum += loss_sum
        state.n_tokens += n_tokens
        state.log_seconds += state.seconds - before
        if state.step % self.config.train.log_every == 0:
            self.log(
                epoch=state.epoch,
                loss=state.loss_sum / state.n_tokens,
                lr=lr,
                grad_norm=grad_norm,
                tokens_per_second=state.n_tokens / max(state.log_seconds, 1e-9),
                minutes=state.seconds / 60,
            )
            state.loss_sum, state.n_tokens, state.log_seconds = 0.0, 0, 0.0

    def show(self, bar: Any, n_batches: int) -> None:
        """Move the progress bar to where the run is."""
        state = self.state
        bar.n = min(1000, int(1000 * self.progress(n_batches)))
        speed = f"{state.n_tokens / state.log_seconds:,.0f} tokens/s" if state.log_seconds else ""
        loss = f"loss {state.loss_sum / state.n_tokens:.3f}" if state.n_tokens else ""
        bar.set_postfix_str(
            f"epoch {state.epoch + 1} step {state.step} {loss} {speed}", refresh=False
        )
        bar.refresh() if bar.n >= 1000 else bar.update(0)

    def on_validation(self) -> None:
        """Validate, keep the weights for the average, and make the best ones the weights to use."""
        state = self.state
        scores = self.validate()
        self.log(**scores, minutes=state.seconds / 60)
        better = scores["bleu"] > state.best_bleu
        self.talk(
            f"step {state.step}: valid loss {scores['valid_loss']:.3f}, perplexity {scores['valid_perplexity']:.2f}, "
            f"BLEU {scores['bleu']:.2f}{' (best)' if better else ''}, {state.seconds / 60:.1f} min"
        )
        weights = weights_of(self.model)
        if self.config.train.average > 1 and rank() == 0:
            path = checkpoint_path(self.run_dir, "weights", state.step)
            save_tensors(path, weights, {"steps": [state.step]})
            prune_checkpoints(self.run_dir, "weights", state.step, self.config.train.average)
        if better:
            state.best_bleu, state.best_step, state.bad_validations = scores["bleu"], state.step, 0
            if scores["bleu"] > state.average_bleu:  # of a run that was complete and goes on
                self.save_best(weights, [state.step], scores["bleu"])
        else:
            state.bad_validations += 1

    def save_best(self, weights: dict[str, Tensor], steps: list[int], bleu: float) -> None:
        if rank() == 0:
            save_tensors(self.run_dir / WEIGHTS, weights, {"steps": steps, "valid_bleu": bleu})

    def finish(self) -> None:
        """Use the average of the last checkpoints if it scores better on validation than the run's best."""
        state = self.state
        whole: dict[int, dict[str, Tensor]] = {}
        for step in (
            checkpoint_steps(self.run_dir, "weights") if self.config.train.average > 1 else []
        ):
            if step <= state.step:
                try:
                    whole[step] = load_tensors(checkpoint_path(self.run_dir, "weights", step))[0]
                except DamagedError as error:
                    self.talk(f"warning: {error} It is left out of the average.")
        steps = gathered(list(whole))[0]
        if len(steps) > 1:
            now = {name: tensor.clone() for name, tensor in weights_of(self.model).items()}
            mean = average([whole[step] for step in steps])
            put_weights(self.model, mean, self.run_dir)
            scores = self.validate()
            self.log(**{f"average_{name}": value for name, value in scores.items()})
            in_use = max(state.best_bleu, state.average_bleu)
            better = scores["bleu"] > in_use
            if better:
                self.save_best(mean, steps, scores["bleu"])
                state.average_bleu = scores["bleu"]
            verdict = "used" if better else f"not used: the weights in use have {in_use:.2f}"
            self.talk(
                f"average of steps {', '.join(map(str, steps))}: BLEU {scores['bleu']:.2f}, {verdict}"
            )
            put_weights(self.model, now, self.run_dir)
        state.finished = True
        self.save()
