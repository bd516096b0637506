"""Every setting of Imprint in one typed tree: defaults < YAML file < environment < `key=value`.

Unknown keys are errors, and all problems are reported at once (torchtune's habit; litgpt's attribute docs become
`configs/default.yaml`).
"""

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from imprint.errors import SettingsError

ENVIRONMENT_PREFIX = "IMPRINT_"
HUB_PREFIX = "hf:"
"""What a path begins with that names a dataset on the Hugging Face hub."""
SAMPLE_PREFIX = "sample:"
"""What a path begins with that names a dataset that ships with Imprint."""
# Read by other parts of Imprint, and not a setting of the tree.
_NOT_SETTINGS = {"IMPRINT_HOME"}


class Section(BaseModel):
    """A branch of the tree: frozen, no unknown keys, no infinities (run.json cannot hold them)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Folder(Section):
    """One of several folders, and how often its examples count."""

    path: Path
    """A folder, a file, `hf:owner/name` for a dataset on the Hugging Face hub, or `sample:chat` for one that ships."""
    weight: float = Field(default=1.0, gt=0, le=100)


class Documents(Section):
    """What is read."""

    path: Path = Path("documents")
    """Folder (or one file) with the documents, `hf:owner/name` for a dataset on the hub, or `sample:chat`."""
    folders: tuple[Folder, ...] = ()
    """Several of them with weights, instead of `path`; `documents: [{path, weight}]` is short for it."""
    include: tuple[str, ...] = ()
    """Only files that one of these patterns (gitignore syntax) matches are read; empty: all."""
    exclude: tuple[str, ...] = ()
    """Files that one of these patterns matches are not read; `.imprintignore` files hold such patterns too."""
    max_file_mb: float = Field(default=20, gt=0)
    """A larger file is left out, in megabytes."""
    strict: bool = False
    """A document that cannot be read is an error; otherwise it is reported and left out."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"folders": value} if isinstance(value, list) else value

    @property
    def sources(self) -> tuple[Folder, ...]:
        """What is read, with weights."""
        return self.folders or (Folder(path=self.path),)


class Endpoint(Section):
    """A language model behind an OpenAI-compatible address."""

    url: str = ""
    """Its address; empty: none is asked."""
    model: str = ""
    """The model's name there."""
    key: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests at the same time."""
    max_requests: int | None = Field(default=None, ge=1)
    """Upper limit of requests, answers from the cache not counted."""
    price_per_million_tokens: float = Field(default=0.0, ge=0)
    """What the endpoint charges, to show the cost."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value


class Augment(Endpoint):
    """More questions, written by a model that reads the documents; `base` as its address is the base itself."""


class Dataset(Section):
    """How sections become examples."""

    wordings: int = Field(default=6, ge=1, le=12)
    """Wordings of each fact that are trained on, half as many of its other sides; one of another family is held out."""
    validation_share: float = Field(default=0.15, ge=0, lt=1)
    """Share of the held-out wordings that watch the training; the others test the model."""
    max_answer_tokens: int = Field(default=384, ge=16)
    """A longer answer is split, counted with the base's tokenizer."""
    control_sections: int = Field(default=4, ge=0)
    """So many sections (at most 2%) are not trained on at all: what improves there is style or guessing."""
    kinds: tuple[str, ...] = ()
    """Only these kinds of fact (the card lists them); empty: all."""
    masked: int = Field(default=2, ge=0, le=10)
    """Times that each section is asked for with some of its words masked."""
    unknown_share: float = Field(default=0.03, ge=0, le=0.5)
    """Share of rows about what the documents do not say."""
    replay_share: float | None = Field(default=None, ge=0, le=0.9)
    """Share of general rows, answered by the base itself, against forgetting; None takes what the base wants."""
    cells_per_table: int = Field(default=1000, ge=1)
    """At most so many cells of one table, or fields of one list of records, are asked one by one."""
    processes: int = Field(default=0, ge=0)
    """Processes that read and write; 0: one for each core. The result does not depend on it."""
    augment: Augment = Augment()


class Adapter(Section):
    """QLoRA. `null` takes the value that the base's registry entry gives."""

    load_in_4bit: bool | None = None
    lora_r: int | None = Field(default=None, ge=1)
    lora_alpha: int | None = Field(default=None, ge=1)
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] | None = None
    """Linear layers that get an adapter, by the last part of their names; empty: all but the output head."""
    neftune_noise_alpha: float | None = Field(default=None, ge=0)
    """Noise on the embeddings in training (NEFTune, Jain et al. 2023): the wording matters less. 0: none."""
    question_noise: float | None = Field(default=None, ge=0, lt=1)
    """Random words between the words of questions in training: the share of the places that a row gets, at most."""
    learning_rate: float | None = Field(default=None, gt=0)
    epochs: float | None = Field(default=None, gt=0)
    min_steps: int | None = Field(default=None, ge=1)
    """So many optimizer steps at least, in more epochs where there are few examples."""
    max_steps: int | None = Field(default=None, ge=1)
    """Upper limit of optimizer steps, above `min_steps` too; the epochs end earlier on small datasets."""
    batch_size: int | None = Field(default=None, ge=1)
    """Rows of one optimizer step."""
    per_device_train_batch_size: int | None = Field(default=None, ge=1)
    """Rows in one pass, at most; None: as many as memory holds. A step takes as many passes as its batch needs."""
    processes: int = Field(default=1, ge=1, le=64)
    """Processes that train together on this machine, one for each GPU; they share the rows of a step."""
    warmup_ratio: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    max_seq_length: int = Field(default=2048, ge=64)
    patience: int = Field(default=5, ge=0)
    """Evaluations in a row without a lower validation loss that end the training; 0: none do."""
    checkpoint_steps: int = Field(default=100, ge=1)
    """An evaluation on the validation rows and a checkpoint after each so many optimizer steps, at most."""
    checkpoint_minutes: float = Field(default=10, gt=0)
    """A checkpoint is saved after so long, however many steps that are."""
    trackers: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ("tensorboard",)
    """What shows the figures of the training beside metrics.csv; `wandb` and `mlflow` send them away."""

    def filled(self) -> "FilledAdapter":
        """These settings once the base has filled in what was left open.

        Raises SettingsError where the processes cannot share a batch.
        """
        if self.batch_size is not None and self.batch_size % self.processes:
            raise SettingsError(
                [f"adapter.processes: {self.processes} processes cannot share the {self.batch_size} rows of a step"],
                hint=f"adapter.batch_size={self.processes * -(-self.batch_size // self.processes)}",
            )
        return FilledAdapter.model_validate(self.model_dump())


class FilledAdapter(Adapter):
    """Training settings with nothing left open."""

    load_in_4bit: bool
    lora_r: int
    lora_alpha: int
    target_modules: tuple[str, ...]
    neftune_noise_alpha: float
    question_noise: float
    learning_rate: float
    epochs: float
    min_steps: int
    max_steps: int
    batch_size: int


class Model(Section):
    """Merge and GGUF."""

    quantization: Literal["q4_k_m", "q5_k_m", "q6_k", "q8_0", "f16"] = "q4_k_m"


class Judge(Endpoint):
    """A model that grades the answers: correct, incorrect, not attempted."""


class Evaluation(Section):
    """Base against tuned."""

    max_questions: int = Field(default=400, ge=1)
    """At most so many held-out questions are asked, taken evenly from the test set."""
    ceiling_questions: int = Field(default=32, ge=0)
    """So many of them are asked of the base once more, with their section in view."""
    max_new_tokens: int = Field(default=256, ge=1)
    batch_size: int = Field(default=128, ge=1)
    """Questions that are answered at the same time, at most; fewer where memory is short."""
    benchmark: Path | None = None
    """A file of prompts with the words that their answers must and must not hold."""
    bert_score: str = ""
    """A base or folder of an encoder for BERTScore; empty: none."""
    judge: Judge = Judge()


class Verdict(Section):
    """What a model must show before it is served. Points are percentage points; None switches a rule off."""

    better_than_base: float | None = Field(default=5, ge=0, le=100)
    """Points above the base on the held-out questions, at least."""
    behind_current: float | None = Field(default=2, ge=0, le=100)
    """Points behind the model in service, on the same questions, at most."""
    general_items: float | None = Field(default=3, ge=0, le=100)
    """Points behind the base on general questions, at most."""
    general_perplexity: float | None = Field(default=10, ge=0)
    """Percent above the base's perplexity on a general text, at most."""
    general_base: float = Field(default=50, gt=1)
    """A base whose own perplexity there is higher knows nothing general that it could lose."""
    ended: float | None = Field(default=95, ge=0, le=100)
    """Percent of the answers that the model ends by itself, at least."""
    control: float | None = Field(default=10, ge=0, le=100)
    """Points above the base on sections that were not trained on, at most: beyond that something leaked."""
    behind_adapter: float | None = Field(default=5, ge=0, le=100)
    """Points between the served file and the adapter that it was made of, at most."""
    not_proven: Literal["accept", "refuse"] = "accept"
    """What becomes of a model about which nothing can be said."""
    force: bool = False
    """Serve the model even if it is refused."""


class Service(Section):
    """The model in service."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    context: int = Field(default=2048, ge=256, le=4096)
    """Tokens allocated; Phi-3.5's runtime takes the wrong rope factors above 4096."""
    max_tokens: int = Field(default=512, ge=1)
    temperature: float = Field(default=0.0, ge=0, le=2)


class Plan(Section):
    """What `imprint plan` reckons with."""

    price_per_hour: float = Field(default=0.0, ge=0)
    """Of this machine, in any currency."""


def _ascending(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] > span[1]:
        raise ValueError("the lower end comes first")
    return span


Span = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(_ascending)]
"""Lower and upper end, both included; the same number twice fixes the setting."""


class Sweep(Section):
    """What `imprint sweep` searches, of the settings of `adapter`. None: around the value that is set there."""

    trials: int = Field(default=20, ge=1)
    """Trainings in all, those that were pruned or failed included."""
    lora_r: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] | None = None
    """Ranks to choose from; None: half, once and twice the rank."""
    learning_rate: Span | None = None
    """Searched on a logarithmic scale; None: from a quarter of the rate to four times it."""
    epochs: Span | None = None
    """None: from half to twice as many."""
    max_seq_length: tuple[Annotated[int, Field(ge=64)], ...] = ()
    """Lengths to choose from; empty: not searched, because each length has rows of its own."""


class Settings(Section):
    """The whole tree."""

    base: str = "auto"
    template: Literal["auto", "alpaca", "chat"] = "auto"
    """The prompt format of training and serving: Alpaca's, the base's own (chat), or auto: its own where it has one."""
    trust_remote_code: bool = False
    """Run the programs that the base's repository or folder brings along, on this machine and with your rights."""
    check_base: bool = True
    """Refuse a base whose loss on general text is not that of a working language model."""
    seed: int = Field(default=3407, ge=0)
    retrain: Literal["auto", "always", "never"] = "auto"
    outputs: Path = Path("outputs")
    documents: Documents = Documents()
    dataset: Dataset = Dataset()
    adapter: Adapter = Adapter()
    model: Model = Model()
    evaluation: Evaluation = Evaluation()
    verdict: Verdict = Verdict()
    service: Service = Service()
    plan: Plan = Plan()
    sweep: Sweep = Sweep()

    def plain(self) -> dict[str, Any]:
        """The tree as JSON-ready values."""
        return self.model_dump(mode="json")


def home() -> Path:
    """The folder that relative default paths start from: `IMPRINT_HOME`, or the current folder."""
    return Path(os.environ.get("IMPRINT_HOME") or Path.cwd())


def load(
    file: Path | None = None,
    overrides: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings from their four places.

    `overrides` are `section.key=value` strings whose values are YAML scalars. Raises SettingsError with every problem
    found, each with its place and, for an unknown key, the nearest right name.
    """
    tree: dict[str, Any] = {}
    problems: list[str] = []
    if file is not None:
        _merge(tree, _read_yaml(file, problems))
    origins = [*_from_environment(os.environ if environment is None else environment)]
    for text in overrides:
        key, separator, value = text.partition("=")
        if separator:
            origins.append((text, key.split("."), value))
        else:
            problems.append(f"{text!r}: expected section.key=value")
    for origin, keys, value in origins:
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            parsed = value
        branch: dict[str, Any] = tree
        for key in keys[:-1]:
            below = branch.setdefault(key, {})
            if not isinstance(below, dict):
                problems.append(f"{origin}: {key!r} holds a value, not a section")
                break
            branch = below
        else:
            branch[keys[-1]] = parsed
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems.extend(_describe(error))
        settings = Settings()
    if problems:
        raise SettingsError(problems, hint="configs/default.yaml lists every setting with its default")
    return _anchor(settings, tree)


def given(settings: Settings) -> dict[str, Any]:
    """What differs from the defaults, as a tree that a settings file can hold."""
    return _changed(load(environment={}).plain(), settings.plain())


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key, value in now.items():
        if isinstance(value, dict):
            if below := _changed(before[key], value):
                changed[key] = below
        elif value != before[key]:
            changed[key] = value
    return changed


def setting_names() -> list[str]:
    """Every setting by its full name, `section.key`."""
    return list(_names(Settings))


def _names(branch: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in branch.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def _read_yaml(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{file}: {error.strerror or error}"], hint="give an existing file to --config") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError([f"{file}: not valid YAML: {error}"]) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        problems.append(f"{file}: expected sections with keys, found a {type(tree).__name__}")
        return {}
    return tree


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, list[str], str]]:
    """`IMPRINT_SERVICE__PORT=80` is `service.port`; a double underscore stands for the dot."""
    for name, value in sorted(environment.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in _NOT_SETTINGS and value != "":
            yield name, name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"), value


def _merge(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def _describe(error: ValidationError) -> Iterator[str]:
    names = setting_names()
    sections = {name.rpartition(".")[0] for name in names} - {""}
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        if item["type"] != "extra_forbidden":
            yield f"{place}: {item['msg']} (found {item['input']!r})"
            continue
        near = difflib.get_close_matches(place, [*names, *sections], n=1, cutoff=0.6)
        if not near:  # the right key in the wrong section
            near = [name for name in names if name.rpartition(".")[2] == place.rpartition(".")[2]][:1]
        yield f"{place}: unknown setting" + (f"; did you mean {near[0]}?" if near else "")


def _anchor(settings: Settings, tree: Mapping[str, Any]) -> Settings:
    """Default folders lie in the home folder; folders that the user names, where the user stands."""
    given = tree.get("documents") or {}
    documents = settings.documents
    path = documents.path if "path" in given else home() / documents.path
    folders = tuple(folder.model_copy(update={"path": _absolute(folder.path)}) for folder in documents.folders)
    outputs = settings.outputs if "outputs" in tree else home() / settings.outputs
    benchmark = settings.evaluation.benchmark
    if benchmark is not None:
        benchmark = _absolute(benchmark)
    return settings.model_copy(
        update={
            "evaluation": settings.evaluation.model_copy(update={"benchmark": benchmark}),
            "outputs": _absolute(outputs),
            "documents": documents.model_copy(update={"path": _absolute(path), "folders": folders}),
        }
    )


def _absolute(path: Path) -> Path:
    if str(path).startswith((HUB_PREFIX, SAMPLE_PREFIX)):
        return path
    return Path(os.path.expanduser(path)).absolute()  # Path's own raises for the ~ of a user who does not exist
