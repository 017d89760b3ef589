"""What is one update, and what is a run? Loss, schedule, validation, checkpoints, resuming.

`Trainer` is written in the order in which things happen: a run, an update, a validation, the end;
then what is kept on disk.
"""

import contextlib
import copy
import json
import math
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from transformer_mt import alignment, guide
from transformer_mt.batches import Batch, BatchSampler, length_batches, make_batch
from transformer_mt.config import Config, DecodeConfig, Schedule, TrainConfig, UserError
from transformer_mt.config_file import WEIGHTS
from transformer_mt.corpus import Corpus, Pair, lengths
from transformer_mt.decoding import search
from transformer_mt.fast import label_smoothed_loss, random_numbers
from transformer_mt.files import progress, talk, write_text
from transformer_mt.model import Transformer
from transformer_mt.noise import typed
from transformer_mt.run_dir import (
    DamagedError,
    LoadedRun,
    average,
    build_model,
    checkpoint_path,
    checkpoint_steps,
    load_tensors,
    prune_checkpoints,
    put_weights,
    read_checkpoint,
    restore_checkpoint,
    save_checkpoint,
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
from transformer_mt.snapshots import add_snapshot
from transformer_mt.workers import ShareOut, count_workers, operators_of_one_thread, workers

VALIDATION_TOKENS = 4096
"""Padded tokens that are validated together."""
EARLY_STEPS = (100, 200, 400, 700)
"""Updates after which a part of the validation set is looked at, those before the first validation
of all: a translation and its attention emerge there."""
EARLY_PAIRS = 100
"""How many pairs that part has."""
GREEDY = DecodeConfig(beam_size=1, length_penalty=0.0, batch_tokens=VALIDATION_TOKENS)
"""How the sentences of a validation are translated."""


def learning_rate(step: int, spent: float, config: TrainConfig) -> float:
    """The learning rate of update `step` (from 1).

    It is the lower of a linear rise over `warmup_steps` and of a curve that falls. `inverse_sqrt`
    is lr * sqrt(warmup_steps / step), which is the paper's equation 3 when
    lr = (d_model * warmup_steps)^-0.5. `cosine` is lr * (1 + cos(pi * spent)) / 2.

    Args:
        spent: the largest spent fraction of the run's limits, from 0 to 1.
    """
    warmup = step / config.warmup_steps
    if config.schedule is Schedule.inverse_sqrt:
        return config.lr * min(warmup, 1 / math.sqrt(warmup))
    return config.lr * min(warmup, (1 + math.cos(math.pi * min(1.0, spent))) / 2)


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
    """BLEU of the average that is in use; -1 = none."""
    bad_validations: int = 0
    """Validations in a row without a better BLEU."""
    loss_sum: float = 0.0
    """Since the last logged event, like the next three."""
    guide_loss_sum: float = 0.0
    n_tokens: int = 0
    log_seconds: float = 0.0
    n_logged: int = 0
    """Lines of `metrics.jsonl`."""
    finished: bool = False
    """The weights to use have been chosen."""
    saved_step: int = -1
    """Step of the newest checkpoint."""


@dataclass
class Stop:
    """Remembers a signal to stop, so that the loop can end between two updates."""

    signal: int = 0
    old_handlers: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> "Stop":
        for number in (signal.SIGINT, signal.SIGTERM):
            # A shell starts background jobs with SIGINT ignored; leave it so.
            if signal.getsignal(number) != signal.SIG_IGN:
                self.old_handlers[number] = signal.signal(number, self.note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.old_handlers.items():
            signal.signal(number, handler)

    def note(self, number: int, _: object) -> None:
        self.signal = number
        # A second signal acts at once, but not under torchrun: it may repeat a signal, and it
        # kills processes that hang.
        if world_size() == 1:
            signal.signal(number, self.old_handlers[number])


class Trainer:
    """One training run in `config.run_dir`."""

    def __init__(self, config: Config, corpus: Corpus) -> None:
        self.config = config
        self.corpus = corpus
        self.run_dir = Path(config.run_dir)
        self.device = choose_device(config.train.device)
        self.dtype = choose_dtype(config.train.precision, self.device)
        torch.manual_seed(config.train.seed)
        self.model = build_model(config, corpus.src_tokenizer, corpus.tgt_tokenizer)
        self.model.to(self.device)
        # The same weights behind other ways to call them: compiled, or with exchanged gradients.
        self.training_model: Any = torch.compile(self.model) if config.train.compile else self.model
        if world_size() > 1:
            self.training_model = DistributedDataParallel(self.training_model)
            # Buffers are constants. It is set here because the argument of that name is
            # deprecated from torch 2.13 on.
            self.training_model.broadcast_buffers = False
            # Each process draws its own dropout.
            torch.manual_seed(config.train.seed + rank())
        # torch.compile must not be used by several threads at once.
        self.n_workers = (
            1 if config.train.compile else count_workers(config.train.workers, self.device)
        )
        # Inside the operators. Workers have one each.
        self.n_threads = torch.get_num_threads() if self.n_workers == 1 else 1
        # How the workers share what there is to do; outside of `train` one does all of it.
        self.share_out: ShareOut = map
        # The constants of the paper's section 5.3; the learning rate is set at each update.
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            betas=(0.9, 0.98),
            eps=1e-9,
            fused=self.device.type != "mps",
        )
        self.sampler = BatchSampler(
            lengths(corpus.train, "src_ids"),
            lengths(corpus.train, "tgt_ids"),
            config.train.token_budget,
            config.train.seed,
        )
        self.state = State()
        # A head of cross-attention learns the links of training pairs, where they are used.
        self.guided = "token_links" in corpus.train.column_names
        self.source: Any = None
        """Whose model the run began with, and under which licence, where it was imported."""

    def describe(self, n_batches: int) -> str:
        """One line: what is trained, on what."""
        n_parameters = sum(parameter.numel() for parameter in self.model.parameters())
        n_src, n_tgt = len(self.corpus.src_tokenizer), len(self.corpus.tgt_tokenizer)
        arithmetic = "bf16" if self.dtype is torch.bfloat16 else "fp32"
        return (
            f"{self.config.model.name}, {self.config.direction}: "
            f"{n_parameters / 1e6:.1f} million parameters, {n_src:,} + {n_tgt:,} pieces, "
            f"{self.device} {arithmetic}, {n_batches:,} updates per epoch"
        )

    def talk(self, message: str) -> None:
        """Print a line for the person who watches; one process speaks for all."""
        if rank() == 0:
            talk(message)

    # ------------------------------------------------------------------ the run

    def train(self) -> int:
        """Train to the first limit and choose the weights to use.

        Returns:
            0, or 128 plus the signal that stopped the run.
        Raises:
            UserError: the loss is not finite.
        """
        state = self.state
        batches = self.sampler.epoch(state.epoch)
        if state.batch >= len(
            batches
        ):  # of a corpus that an older version prepared, with more rows
            state.epoch, state.batch = state.epoch + 1, 0
            batches = self.sampler.epoch(state.epoch)
        self.talk(self.describe(len(batches)))
        if self.guided:
            place = f"layer {self.config.model.guided_layer}, head {guide.HEAD}"
            step = f"the step that {self.config.train.guide_step}s a token"
            self.talk(f"links of training pairs guide cross-attention: {place}, at {step}")
        self.tell_no_links()
        if state.finished and self.is_over(len(batches)):
            self.talk(
                f"{self.run_dir} is complete after {state.step} steps; a higher limit goes on."
            )
            return 0
        _ = self.gold_pairs  # a link that does not fit is told now, not after hours
        self.tell_too_long()
        # A signal is remembered, and heeded between two updates.
        with Stop() as stop, self.workers():
            self.train_until_over(batches, stop)
            if self.is_stopped(stop):
                if state.saved_step != state.step:
                    self.save()
                self.talk(f"stopped at step {state.step}; run the same command to go on.")
                return 128 + stop.signal
            if state.best_step == 0:  # a limit was lowered to before the first validation
                self.on_validation()
            self.finish()
        return 0

    def tell_no_links(self) -> None:
        """Say that no head is guided where that was asked for, and no training pair has links."""
        options = self.config.train
        is_asked = self.config.data.links_column is not None and options.guide_weight > 0
        if is_asked and "token_links" not in self.corpus.train.column_names:
            links = "links" if options.guide_possible else "sure links (train.guide_possible=0)"
            self.talk(f"no training pair has {links}, so no head is guided")

    def train_until_over(self, batches: list[np.ndarray], stop: Stop) -> None:
        """Update, validate and save until a limit is reached or somebody stops the run."""
        state, options = self.state, self.config.train
        layout = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        with progress(total=1000, unit="", layout=layout, shown=rank() == 0) as bar:
            self.show_progress(bar, len(batches))
            # What was done before a resume took no time of this start.
            bar.initial = bar.last_print_n = bar.n
            while not self.is_over(len(batches)) and not self.is_stopped(stop):
                self.one_step(batches)
                # The next epoch is drawn before anything is saved, so that a run resumes in it.
                if state.batch == len(batches):
                    state.epoch, state.batch = state.epoch + 1, 0
                    batches = self.sampler.epoch(state.epoch)
                if self.is_over(len(batches)) or state.step % options.validate_every == 0:
                    self.on_validation()
                    self.save()
                else:
                    if state.step in EARLY_STEPS and state.step < options.validate_every:
                        self.on_early_validation()
                    if state.step % options.checkpoint_every == 0:
                        self.save()
                self.show_progress(bar, len(batches))

    @contextlib.contextmanager
    def workers(self) -> Iterator[None]:
        """Inside, the workers are there to share what there is to do."""
        with workers(self.n_workers) as self.share_out:
            yield
        self.share_out = map

    def spent(self, n_batches: int) -> float:
        """The largest spent fraction of the limits."""
        state, limits = self.state, self.config.train
        fractions = {
            "max_steps": state.step,
            "max_epochs": state.epoch + state.batch / n_batches,
            "max_minutes": state.seconds / 60,
        }
        return max(
            value / getattr(limits, name)
            for name, value in fractions.items()
            if getattr(limits, name) is not None
        )

    def is_over(self, n_batches: int) -> bool:
        patience = self.config.train.patience
        return self.spent(n_batches) >= 1 or 0 < patience <= self.state.bad_validations

    def is_stopped(self, stop: Stop) -> bool:
        """Whether any process heard a signal to stop."""
        if totals([stop.signal], self.device)[0]:
            stop.signal = stop.signal or signal.SIGTERM
        return stop.signal > 0

    def show_progress(self, bar: Any, n_batches: int) -> None:
        """Move the progress bar to where the run is."""
        state = self.state
        bar.n = min(1000, int(1000 * self.spent(n_batches)))
        loss = speed = ""
        if state.n_tokens:
            loss = f" loss {state.loss_sum / state.n_tokens:.3f}"
        if state.log_seconds:
            speed = f" {state.n_tokens / state.log_seconds:,.0f} tokens/s"
        position = f"epoch {state.epoch + 1} step {state.step}"
        bar.set_postfix_str(position + loss + speed, refresh=False)
        bar.update(0)

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Count the time spent inside, the same in all processes, so that they stop at the same
        update.
        """
        start = time.perf_counter()
        yield
        elapsed = totals([time.perf_counter() - start], self.device)[0]
        self.state.seconds += elapsed / world_size()

    # ------------------------------------------------------------------ one update

    def one_step(self, batches: list[np.ndarray]) -> None:
        """Read a batch, update, log."""
        state = self.state
        before = state.seconds
        with self.timed():
            micro_batches = self.load_batch(batches[state.batch], state.batch)
            lr = learning_rate(state.step + 1, self.spent(len(batches)), self.config.train)
            loss_sum, n_tokens, grad_norm = self.update(micro_batches, lr)
        # From here on the update counts: a failed one has left the state as it was.
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
                **self.mean_guide_loss(),
                lr=lr,
                grad_norm=grad_norm,
                tokens_per_second=state.n_tokens / max(state.log_seconds, 1e-9),
                minutes=state.seconds / 60,
            )
            state.loss_sum, state.n_tokens, state.log_seconds = 0.0, 0, 0.0
            state.guide_loss_sum = 0.0

    def mean_guide_loss(self) -> dict[str, float]:
        """The guide's loss since the last logged event, not weighted, in nats per token."""
        if not self.guided:
            return {}
        return {"guide_loss": self.state.guide_loss_sum / self.state.n_tokens}

    def load_batch(self, rows: np.ndarray, batch: int) -> list[Batch]:
        """This process's micro-batches of an update."""
        share = rows[rank() :: world_size()]
        # With fewer rows than processes, a process joins in with a row that counts no tokens.
        read = share if len(share) else rows[:1]
        data = self.corpus.train[read]
        src_ids, tgt_ids = data["src_ids"], data["tgt_ids"]
        if self.config.data.source_noise > 0:
            data["src"], src_ids = self.noisy_sources(data, read)
        if self.config.tokenizer.sampling_alpha > 0:
            src_ids, tgt_ids = self.sampled_ids(data, src_ids, batch)
        links = self.links(data, src_ids, tgt_ids) if self.guided and len(share) else []
        src, tgt = self.corpus.src_tokenizer, self.corpus.tgt_tokenizer
        n = min(self.config.train.accumulate * self.n_workers, len(src_ids))
        micro_batches = [
            make_batch(
                src_ids[i::n], tgt_ids[i::n], src.pad_id, tgt.pad_id, tgt.bos_id, links[i::n]
            )
            for i in range(n)
        ]
        if not len(share):
            micro_batches[0].positions.zero_()
        return micro_batches

    def links(
        self, data: dict[str, Any], src_ids: list[list[int]], tgt_ids: list[list[int]]
    ) -> list[np.ndarray]:
        """The links between the tokens of each row, weighted; none = not known."""
        links = list(map(guide.unpack, data["token_links"]))
        for i, (src_row, tgt_row) in enumerate(zip(src_ids, tgt_ids, strict=True)):
            if len(links[i]) and (src_row, tgt_row) != (data["src_ids"][i], data["tgt_ids"][i]):
                links[i] = self.sampled_links(data, i, src_row, tgt_row)
        return [guide.weighted(of_row, self.config.train.guide_possible) for of_row in links]

    def sampled_links(
        self, data: dict[str, Any], i: int, src_row: list[int], tgt_row: list[int]
    ) -> np.ndarray:
        """The links between the tokens of another segmentation, or a noisy source, of row `i`."""
        src = alignment.make_side(self.corpus.src_tokenizer, src_row, "words")
        tgt = alignment.make_side(self.corpus.tgt_tokenizer, tgt_row, "words")
        if (src.text, tgt.text) != (data["src"][i], data["tgt"][i]):
            # The vocabulary changes the text, so that the units may be others.
            return guide.unpack(b"")
        links = guide.unpack(data["unit_links"][i])
        # Noise may have left out the last source unit, a mark.
        return guide.token_links(links[links[:, 1] < len(src.units)], src, tgt)

    def noisy_sources(
        self, data: dict[str, Any], rows: np.ndarray
    ) -> tuple[list[str], list[list[int]]]:
        """The sources of `rows`, some of them as people type, and their ids.

        The seed is of the run, the epoch and the row. A source that would grow too long stays as it
        is.
        """
        place, noise = (self.config.train.seed, self.state.epoch), self.config.data.source_noise
        texts, all_ids = list(data["src"]), list(data["src_ids"])
        for i, row in enumerate(rows):
            text = typed(texts[i], noise, (*place, int(row)))
            if text != texts[i]:
                ids = self.corpus.src_tokenizer.encode_one(text)
                if len(ids) <= self.config.model.max_len:
                    texts[i], all_ids[i] = text, ids
        return texts, all_ids

    def sampled_ids(
        self, data: dict[str, Any], src_ids: list[list[int]], batch: int
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Source and target segmented afresh (subword regularisation, Kudo 2018).

        The seed is of the run, the epoch and the batch, so that a run that resumes draws the same.
        A sampled segmentation that grows too long gives way to the best one.

        Args:
            src_ids: the best ones of the sources.
        """
        seeds = np.random.SeedSequence((self.config.train.seed, self.state.epoch, batch))
        src_seed, tgt_seed = map(int, seeds.generate_state(2))
        alpha, limit = self.config.tokenizer.sampling_alpha, self.config.model.max_len
        src = self.corpus.src_tokenizer.sample(data["src"], alpha, src_seed)
        tgt = self.corpus.tgt_tokenizer.sample(data["tgt"], alpha, tgt_seed)
        return (
            [new if len(new) <= limit else best for new, best in zip(src, src_ids, strict=True)],
            [
                new if len(new) <= limit else best
                for new, best in zip(tgt, data["tgt_ids"], strict=True)
            ],
        )

    @cached_property
    def replicas(self) -> list[Transformer]:
        """A model for each worker: the weights share their memory, each has its own gradients."""
        if self.n_workers == 1:
            return [self.model]
        replicas = [copy.deepcopy(self.model) for _ in range(self.n_workers)]
        for replica in replicas:
            pairs = zip(replica.parameters(), self.model.parameters(), strict=True)
            for parameter, original in pairs:
                parameter.data = original.data
        return replicas

    def loss(
        self,
        batch: Batch,
        model: Transformer,
        smoothing: float = 0.0,
        guided: list[Tensor] | None = None,
    ) -> Tensor:
        """Summed loss of a batch, real target tokens only.

        Args:
            guided: when a list, the weights of the guided head are appended to it.
        """
        # The backward pass of `training_model` exchanges gradients between processes.
        is_wrapped = model is self.model and model.training
        forward = self.training_model if is_wrapped else model
        with autocast(self.device, self.dtype):
            states = forward(batch.src, batch.tgt_in, guided)[batch.positions]  # (n, D)
            return label_smoothed_loss(
                states,
                model.output.weight,
                batch.tgt_out[batch.positions],
                smoothing,
                self.corpus.tgt_tokenizer.pad_id,
                model.output.bias,
            )

    def losses(self, batch: Batch, model: Transformer) -> tuple[Tensor, Tensor]:
        """Summed loss of a batch in training, and that of its guide: 0 where no row has links."""
        options = self.config.train
        if batch.links is None:
            loss = self.loss(batch, model, options.label_smoothing)
            return loss, torch.zeros_like(loss)
        guided: list[Tensor] = []
        loss = self.loss(batch, model, options.label_smoothing, guided)
        step, doubt = options.guide_step, options.guide_doubt
        return loss, guide.guide_loss(guided[0], batch.links, step, doubt)

    def update(self, micro_batches: list[Batch], lr: float) -> tuple[float, int, float]:
        """Make one optimizer step.

        Its gradient is that of the loss summed over all micro-batches of all workers and processes,
        divided once by their tokens: however an update is split, it is the same update.

        Returns:
            The summed loss, its tokens, and the norm of the gradient before clipping.
        Raises:
            UserError: the loss or its gradient is not finite; the weights are as before.
        """
        mine = sum(batch.n_tokens for batch in micro_batches)
        n_tokens = int(totals([mine], self.device)[0])
        n = self.n_workers
        shares = [micro_batches[i::n] for i in range(n)]
        losses = self.share_out(partial(self.add_gradients, n_tokens=n_tokens), range(n), shares)
        sums = [share.tolist() for share in losses]
        total, guide_total = (sum(parts) for parts in zip(*sums, strict=True))
        self.gather_gradients()
        # Without clipping the norm is measured all the same, for the log.
        parameters = list(self.model.parameters())
        total_norm = torch.nn.utils.get_total_norm(
            [p.grad for p in parameters if p.grad is not None]
        )
        norm = float(total_norm)
        limit = self.config.train.clip_norm or math.inf
        if norm > limit:
            torch.nn.utils.clip_grads_with_norm_(parameters, limit, total_norm)
        loss_sum, guide_loss_sum = totals([total, guide_total], self.device)
        if not math.isfinite(loss_sum + norm):
            self.optimizer.zero_grad()
            raise UserError(self.not_finite_message(loss_sum, norm))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.state.guide_loss_sum += guide_loss_sum
        return loss_sum, n_tokens, norm

    def add_gradients(self, worker: int, micro_batches: list[Batch], n_tokens: int) -> Tensor:
        """Add the gradient of a worker's share to that of its replica.

        Args:
            n_tokens: of the whole update, which the loss is divided by.

        Returns:
            The summed loss of the share and that of its guide, not divided nor weighted: `(2,)`.
        """
        replica = self.replicas[worker]
        replica.train()
        options = self.config.train
        # Summed on the device: asking for a number would wait for every micro-batch.
        total = torch.zeros(2, device=self.device)
        with self.own_dropout(worker):
            for i, batch in enumerate(micro_batches):
                # Gradients are sent with the last micro-batch only.
                waits = world_size() > 1 and i + 1 < len(micro_batches)
                with self.training_model.no_sync() if waits else contextlib.nullcontext():
                    loss, of_guide = self.losses(batch.to(self.device), replica)
                    whole = loss + options.guide_weight * of_guide if batch.links else loss
                    # Sent gradients are averaged over the processes, but a sum is wanted.
                    torch.autograd.backward(whole * world_size() / n_tokens)
                total += torch.stack([loss, of_guide]).detach()
        return total

    def own_dropout(self, worker: int) -> contextlib.AbstractContextManager[None]:
        """Random numbers for a worker's share of an update, so that none disturbs another's.

        The seed is of the run, the epoch, the batch and the worker, so that a run that resumes
        draws the same.
        """
        if self.n_workers == 1:
            return contextlib.nullcontext()
        place = (self.config.train.seed, self.state.epoch, self.state.batch, worker)
        return random_numbers(int(np.random.SeedSequence(place).generate_state(1)[0]))

    def gather_gradients(self) -> None:
        """Give the model the sum of its replicas' gradients, added in their order."""
        if self.n_workers == 1:
            return
        replicas = (replica.parameters() for replica in self.replicas)
        same_parameters = list(zip(self.model.parameters(), *replicas, strict=True))

        def add_up(first: int) -> None:
            for parameter, *parts in same_parameters[first :: self.n_workers]:
                # An update of fewer rows than workers leaves the last ones without a gradient.
                gradients = [part.grad for part in parts if part.grad is not None]
                parameter.grad = gradients[0]
                for gradient in gradients[1:]:
                    parameter.grad.add_(gradient)
                for part in parts:
                    part.grad = None

        for _ in self.share_out(add_up, range(self.n_workers)):
            pass

    def not_finite_message(self, loss_sum: float, norm: float) -> str:
        state = self.state
        return (
            f"the loss is {loss_sum}, the norm of its gradient {norm} at step {state.step + 1} "
            f"(epoch {state.epoch + 1}, batch {state.batch + 1}); the update was not made. Try a "
            f"lower train.lr={self.config.train.lr:g}, train.clip_norm, or train.precision=fp32."
        )

    # ------------------------------------------------------------------ validation

    def on_validation(self) -> None:
        """Validate, keep the weights for the average, and make the best ones the weights to use."""
        state = self.state
        with self.timed():
            scores = self.validate()
            self.log(**scores, minutes=state.seconds / 60)
            better = scores["bleu"] > state.best_bleu
            self.talk(self.validation_message(scores, " (best)" if better else ""))
            self.keep_snapshot()
            weights = weights_of(self.model)
            if self.config.train.average > 1 and rank() == 0:
                path = checkpoint_path(self.run_dir, "weights", state.step)
                save_tensors(path, weights, {"steps": [state.step]})
                prune_checkpoints(self.run_dir, "weights", state.step, self.config.train.average)
            if not better:
                state.bad_validations += 1
                return
            state.best_bleu, state.best_step, state.bad_validations = scores["bleu"], state.step, 0
            # A complete run that goes on may use an average that is better still.
            if scores["bleu"] > state.average_bleu:
                self.save_best(weights, [state.step], scores)

    def on_early_validation(self) -> None:
        """Look at a part of the validation set, which saves time; no weights are chosen by it."""
        n_pairs = len(self.corpus.valid)
        rows = spread(n_pairs, EARLY_PAIRS) | self.sample_rows
        with self.timed():
            scores = self.validate(sorted(rows))
            self.log(**scores, valid_pairs=len(rows), minutes=self.state.seconds / 60)
            part = f" on {len(rows)} of {n_pairs:,} pairs"
            self.talk(self.validation_message(scores, part))
            self.keep_snapshot()

    def validation_message(self, scores: dict[str, float], remark: str) -> str:
        """One line about a validation; the `remark` is about its BLEU."""
        loss = "no valid loss"
        if "valid_loss" in scores:
            loss = (
                f"valid loss {scores['valid_loss']:.3f}, "
                f"perplexity {scores['valid_perplexity']:.2f}"
            )
        minutes = self.state.seconds / 60
        return (
            f"step {self.state.step}: {loss}, BLEU {scores['bleu']:.2f}{remark}, {minutes:.1f} min"
        )

    @property
    def sample_rows(self) -> set[int]:
        """The validation pairs whose translations are shown: the same at every validation."""
        return spread(len(self.corpus.valid), self.config.train.samples)

    def keep_snapshot(self) -> None:
        """Keep the cross-attention of one sample in the run, for a page to replay: that of the
        longest, but for those too long for the model.
        """
        src, tgt = self.corpus.src_tokenizer, self.corpus.tgt_tokenizer
        samples = src.encode([self.corpus.valid[i].src for i in sorted(self.sample_rows or {0})])
        fitting = [ids for ids in samples if len(ids) <= self.config.model.max_len]
        if rank() > 0 or not fitting:
            return
        src_ids = max(fitting, key=len)
        self.model.eval()
        # One sentence is too little to be shared, and on a busy machine threads would wait.
        with operators_of_one_thread(), torch.inference_mode():
            ((_, hypotheses),) = search(self.model, [src_ids], tgt.special_ids, GREEDY)
            if not hypotheses:  # the model gives no numbers
                return
            tgt_ids = [*hypotheses[0].ids, tgt.eos_id]
            ((_, cross),) = alignment.cross_attention(self.model, [(src_ids, tgt_ids)], tgt.bos_id)
        add_snapshot(self.run_dir, self.state.step, src.pieces(src_ids), tgt.pieces(tgt_ids), cross)

    def validate(self, rows: list[int] | None = None) -> dict[str, float]:
        """Loss, perplexity, greedy BLEU and alignment error rate on the validation split; shows a
        few translations.

        There is no loss where no pair fits the model, and no error rate without gold links.

        Args:
            rows: the pairs to validate on, which include the samples; None = all.
        """
        if rows is None:
            rows = list(range(len(self.corpus.valid)))
        pairs = [self.corpus.valid[i] for i in rows]
        loss, n_tokens, n_characters = self.validation_loss(pairs)
        hypotheses, log_probs = self.translate([pair.src for pair in pairs])
        references = [pair.tgt for pair in pairs]
        samples = self.sample_rows
        for i, pair, hypothesis in zip(rows, pairs, hypotheses, strict=True):
            if i in samples:
                self.talk(f"    {pair.src:.200}\n  → {hypothesis:.200}\n  = {pair.tgt:.200}")
        scores = {}
        if n_tokens:
            nats = loss / n_tokens
            scores["valid_loss"] = nats
            scores["valid_perplexity"] = math.exp(min(nats, 700))  # e^710 overflows a float
            scores["valid_bits_per_character"] = loss / max(1, n_characters) / math.log(2)
        scores["bleu"] = corpus_bleu(hypotheses, references, self.config.tgt_language)
        # Text that a model has never seen is translated with less confidence than this.
        scores["low_log_prob"] = float(np.percentile(log_probs, 1))
        return scores | self.alignment_error(rows)

    def tell_too_long(self) -> None:
        """Say how many validation pairs are left out of what is measured."""
        pairs, limit = self.corpus.valid, self.config.model.max_len
        src_ids = self.corpus.src_tokenizer.encode([pair.src for pair in pairs])
        tgt_ids = self.corpus.tgt_tokenizer.encode([pair.tgt for pair in pairs])
        n = sum(max(len(s), len(t)) > limit for s, t in zip(src_ids, tgt_ids, strict=True))
        if n:
            rest = ", nor in the alignment error rate" if any(p.links for p in pairs) else ""
            self.talk(
                f"{n} of {len(pairs)} validation pairs are longer than model.max_len={limit} and "
                f"not in the loss{rest}."
            )

    def validation_loss(self, pairs: list[Pair]) -> tuple[float, int, int]:
        """Summed loss without smoothing, its tokens, and the characters of the targets.

        Pairs that are too long are left out. Each process does its share.
        """
        pairs = pairs[rank() :: world_size()]
        src, tgt, limit = (
            self.corpus.src_tokenizer,
            self.corpus.tgt_tokenizer,
            self.config.model.max_len,
        )
        src_ids, tgt_ids = src.encode([p.src for p in pairs]), tgt.encode([p.tgt for p in pairs])
        # Batches are made by the longer side, which decides how much padding there is.
        longest = [max(len(s), len(t)) for s, t in zip(src_ids, tgt_ids, strict=True)]
        fitting = [i for i, n in enumerate(longest) if n <= limit]
        self.model.eval()
        n_tokens = sum(len(tgt_ids[i]) for i in fitting)
        n_characters = sum(len(pairs[i].tgt) for i in fitting)

        def batch_loss(group: list[int]) -> float:
            rows = [fitting[i] for i in group]
            batch = make_batch(
                [src_ids[i] for i in rows],
                [tgt_ids[i] for i in rows],
                src.pad_id,
                tgt.pad_id,
                tgt.bos_id,
            )
            with torch.inference_mode():
                return float(self.loss(batch.to(self.device), self.model))

        groups = length_batches([longest[i] for i in fitting], VALIDATION_TOKENS)
        total = sum(self.share_out(batch_loss, groups), 0.0)
        total, *counts = totals([total, n_tokens, n_characters], self.device)
        return total, int(counts[0]), int(counts[1])

    def translate(self, texts: list[str]) -> tuple[list[str], list[float]]:
        """Greedy translations and their log-probability per token, for watching the run; each
        process makes its share.
        """
        src, tgt, limit = (
            self.corpus.src_tokenizer,
            self.corpus.tgt_tokenizer,
            self.config.model.max_len,
        )
        # A source that is too long is cut, before its eos.
        ids = src.encode(texts[rank() :: world_size()])
        ids = [[*row[:-1][: limit - 1], src.eos_id] for row in ids]
        outputs: list[list[int]] = [[] for _ in ids]
        log_probs = [0.0 for _ in ids]
        self.model.eval()
        for i, hypotheses in search(
            self.model, ids, tgt.special_ids, GREEDY, self.dtype, self.n_workers
        ):
            if hypotheses:  # a model that gives no numbers has none
                outputs[i] = hypotheses[0].ids
                log_probs[i] = hypotheses[0].log_prob_per_token(0.0)
        return interleaved(tgt.decode(outputs)), interleaved(log_probs)

    @cached_property
    def gold_pairs(self) -> dict[int, alignment.Gold]:
        """The validation pairs with gold links by their number, but for those too long; raises
        UserError for links that do not fit.
        """
        src, tgt, limit = (
            self.corpus.src_tokenizer,
            self.corpus.tgt_tokenizer,
            self.config.model.max_len,
        )
        gold_pairs = {}
        for i, pair in enumerate(self.corpus.valid):
            if not pair.links:
                continue
            (src_ids,), (tgt_ids,) = src.encode([pair.src]), tgt.encode([pair.tgt])
            if max(len(src_ids), len(tgt_ids)) <= limit:
                where = f"{self.run_dir / 'valid.tsv'}: line {i + 1}"
                src_side = alignment.make_side(src, src_ids, "words", pair.src)
                tgt_side = alignment.make_side(tgt, tgt_ids, "words", pair.tgt)
                gold_pairs[i] = alignment.make_gold(src_side, tgt_side, pair.links, where)
        return gold_pairs

    def alignment_error(self, rows: list[int]) -> dict[str, float]:
        """The lowest alignment error rate of all choices of layer, head and shift on these
        validation pairs; nothing without gold links.
        """
        gold_pairs = [self.gold_pairs[i] for i in rows if i in self.gold_pairs]
        if not gold_pairs or not self.config.train.log_aer:
            return {}
        # One process measures, the others wait for its number.
        if rank() > 0:
            return gathered(None)[0]
        self.model.eval()
        bos_id = self.corpus.tgt_tokenizer.bos_id
        table = alignment.measure(self.model, gold_pairs, bos_id, alignment.BASE)
        rule = alignment.best(table)
        self.talk(f"    alignment error rate {table[rule].aer:.3f} ({rule})")
        return gathered({"aer": table[rule].aer})[0]

    # ------------------------------------------------------------------ the end

    def finish(self) -> None:
        """Use the average of the last checkpoints if it scores better on validation than the run's
        best.
        """
        state, candidates = self.state, self.weights_to_average()
        # The first process decides which files are whole.
        steps = gathered(list(candidates))[0]
        if len(steps) > 1:
            now = {name: tensor.clone() for name, tensor in weights_of(self.model).items()}
            mean = average([candidates[step] for step in steps])
            put_weights(self.model, mean, self.run_dir)
            scores = self.validate()
            self.log(**{f"average_{name}": value for name, value in scores.items()})
            # Weights in use are the best single ones, or an earlier average that was better.
            in_use = max(state.best_bleu, state.average_bleu)
            better = scores["bleu"] > in_use
            if better:
                self.save_best(mean, steps, scores)
                state.average_bleu = scores["bleu"]
            verdict = "used" if better else f"not used: the weights in use have {in_use:.2f}"
            names = ", ".join(map(str, steps))
            self.talk(f"average of steps {names}: BLEU {scores['bleu']:.2f}, {verdict}")
            put_weights(self.model, now, self.run_dir)  # training may go on from here
        state.finished = True
        self.save()

    def weights_to_average(self) -> dict[int, dict[str, Tensor]]:
        """The weights that are whole on disk, by their step, oldest first."""
        if self.config.train.average == 1:
            return {}
        candidates = {}
        for step in checkpoint_steps(self.run_dir, "weights"):
            if step > self.state.step:  # left over from before a damaged checkpoint was given up
                continue
            try:
                path = checkpoint_path(self.run_dir, "weights", step)
                candidates[step] = load_tensors(path)[0]
            except DamagedError as error:
                self.talk(f"warning: {error} It is left out of the average.")
        return candidates

    def save_best(
        self, weights: dict[str, Tensor], steps: list[int], scores: dict[str, float]
    ) -> None:
        """Make these the weights to use."""
        if rank() == 0:
            metadata = {
                "steps": steps,
                "valid_bleu": scores["bleu"],
                "low_log_prob": scores.get("low_log_prob"),
                "guided": self.guided,
                "several_sentences": self.corpus.several_sentences,
            }
            save_tensors(self.run_dir / WEIGHTS, weights, metadata | self.origin())

    # ------------------------------------------------------------------ on disk

    def begin_with(self, run: LoadedRun) -> None:
        """Take over the weights of another run, instead of random ones."""
        put_weights(self.model, weights_of(run.model), run.path)
        self.source = run.metadata.get("source")
        self.talk(
            f"begins with the model and the vocabularies of {run.path}, "
            f"step {max(run.metadata['steps'])}"
        )

    def origin(self) -> dict[str, Any]:
        """What every file of weights says of an imported model that the run began with."""
        return {} if self.source is None else {"source": self.source}

    def save(self) -> None:
        """Write a checkpoint to resume from; the one before it stays until this one is safe."""
        random = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        # Every process has a random state of its own; the first one writes them all.
        all_random = gathered(random)
        self.state.saved_step = self.state.step
        if rank() > 0:
            return
        metadata = {
            "state": asdict(self.state),
            "corpus": self.corpus.fingerprint,
            "threads": self.n_threads,
            "processes": world_size(),
            "workers": self.n_workers,
            "guided": self.guided,
        } | self.origin()
        path = checkpoint_path(self.run_dir, "state", self.state.step)
        save_checkpoint(path, self.model, self.optimizer, all_random, metadata)
        prune_checkpoints(self.run_dir, "state", self.state.step, keep=2)

    def resume(self) -> None:
        """Go on from the newest checkpoint that is whole for all processes; raises UserError when
        none is.
        """
        steps = gathered(checkpoint_steps(self.run_dir, "state"))[0]
        while True:
            problem = ""
            try:
                self.load(steps.pop())
            except DamagedError as error:
                problem = str(error)
            # If one process cannot read it, none goes on from it.
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
        tensors, metadata = read_checkpoint(path)
        if metadata["corpus"] != self.corpus.fingerprint:
            raise UserError(
                f"{self.run_dir} was trained on another corpus or vocabulary than "
                f"data.train={self.config.data.train} gives. Choose another run_dir, or start "
                f"over with resume=false."
            )
        numbers = {
            "threads": self.n_threads,
            "processes": world_size(),
            "workers": self.n_workers,
        }
        for name, now in numbers.items():
            before = metadata.get(name, 1)  # there was one worker before there were several
            if before != now:
                self.talk(f"warning: {before} {name} before, {now} now: equal to rounding only.")
        if self.guided and not metadata.get("guided", False):
            # It began before there was a guide, and ends as it began.
            self.guided = False
        random = restore_checkpoint(tensors, self.model, self.optimizer, path)
        self.state = State(**metadata["state"])
        self.source = metadata.get("source")
        # A process that was not there before has no random state to go on with.
        torch.manual_seed(self.config.train.seed + rank() + self.state.step)
        if (name := f"cpu.{rank()}") in random:
            torch.set_rng_state(random[name])
        if self.device.type == "cuda" and (name := f"cuda.{rank()}") in random:
            torch.cuda.set_rng_state(random[name], self.device)
        self.cut_metrics()

    def cut_metrics(self) -> None:
        """Drop the metrics that were logged after the checkpoint."""
        path = self.run_dir / "metrics.jsonl"
        if rank() > 0 or not path.is_file():
            return
        lines: list[str] = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            if len(lines) < self.state.n_logged and is_metrics_line(line):
                lines.append(line)
        write_text(path, "".join(lines))
        self.state.n_logged = len(lines)

    def log(self, **values: float) -> None:
        """Add a line to `metrics.jsonl`."""
        if rank() > 0:
            return
        rounded = {
            key: float(f"{value:.6g}") if isinstance(value, float) else value
            for key, value in values.items()
        }
        with open(self.run_dir / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": self.state.step, **rounded}) + "\n")
            # The line must be safe before a checkpoint counts it.
            file.flush()
            os.fsync(file.fileno())
        self.state.n_logged += 1
        if self.tensorboard is not None:
            for name, value in values.items():
                self.tensorboard.add_scalar(name, value, self.state.step)

    @cached_property
    def tensorboard(self) -> Any:
        """A TensorBoard writer, which hides what was logged after the checkpoint that the run goes
        on from; None without the extra.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return None
        first_step = max(self.state.saved_step, 0) + 1
        return SummaryWriter(str(self.run_dir / "tensorboard"), purge_step=first_step)


def spread(n: int, count: int) -> set[int]:
    """`count` of the numbers below `n`, at most all, evenly spread from the first to the last."""
    return set(np.linspace(0, n - 1, num=min(n, count), dtype=int).tolist())


def is_metrics_line(line: str) -> bool:
    """Whether a line of `metrics.jsonl` is whole, which it may not be after a power cut."""
    try:
        return line.endswith("\n") and isinstance(json.loads(line), dict)
    except ValueError:
        return False
